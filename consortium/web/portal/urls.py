"""The portal's addresses."""

from __future__ import annotations

from django.urls import path

from consortium.web.portal.views import certificates, home, lists, nodes, proposals, record

app_name = "portal"
urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("nodes/", nodes.Nodes.as_view(), name="nodes"),
    path("nodes/new/", nodes.Register.as_view(), name="register_node"),
    path("nodes/<uuid:pk>/", nodes.OneNode.as_view(), name="node"),
    path("nodes/<uuid:pk>/endpoint/", nodes.ChangeEndpoint.as_view(), name="change_endpoint"),
    path("nodes/<uuid:pk>/retire/", nodes.Retire.as_view(), name="retire_node"),
    path("nodes/<uuid:pk>/request/", certificates.Submit.as_view(), name="submit_request"),
    path("requests/", certificates.Requests.as_view(), name="requests"),
    path("requests/<uuid:pk>/", certificates.OneRequest.as_view(), name="request"),
    path("certificates/", certificates.Certificates.as_view(), name="certificates"),
    path("certificates/<uuid:pk>/", certificates.OneCertificate.as_view(), name="certificate"),
    path("certificates/<uuid:pk>/certificate.pem", certificates.leaf, name="certificate_leaf"),
    path("certificates/<uuid:pk>/chain.pem", certificates.chain, name="certificate_chain"),
    path("certificates/<uuid:pk>/revoke/", certificates.Revoke.as_view(), name="revoke"),
    path("proposals/", proposals.Proposals.as_view(), name="proposals"),
    path("proposals/<uuid:pk>/", proposals.OneProposal.as_view(), name="proposal"),
    path("proposals/<uuid:pk>/ballot/", proposals.HandIn.as_view(), name="hand_in"),
    path("lists/", lists.Lists.as_view(), name="lists"),
    path("lists/<uuid:pk>/", lists.OneEpoch.as_view(), name="epoch"),
    path("institutions/", record.Institutions.as_view(), name="institutions"),
    path("institutions/<uuid:pk>/", record.OneInstitution.as_view(), name="institution"),
    path(
        "institutions/<uuid:pk>/voting-address/",
        record.RegisterVotingAddress.as_view(),
        name="voting_address",
    ),
    path("institutions/<uuid:pk>/contact/", record.ChangeContact.as_view(), name="change_contact"),
    path("record/", record.Record.as_view(), name="record"),
    path("account/", record.Account.as_view(), name="account"),
    path("account/token/", record.renew_token, name="renew_token"),
    path("account/token/withdraw/", record.withdraw_token, name="withdraw_token"),
]
