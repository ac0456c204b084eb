"""The portal's addresses."""

from __future__ import annotations

from django.urls import path

from consortium.web.portal.views import (
    certificates,
    deciding,
    enrolments,
    guardians,
    home,
    ledgers,
    lists,
    nodes,
    proposals,
    record,
    requests,
    revoking,
    voting,
)

app_name = "portal"
urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("nodes/", nodes.Nodes.as_view(), name="nodes"),
    path("nodes/new/", nodes.Register.as_view(), name="register_node"),
    path("nodes/<uuid:pk>/", nodes.OneNode.as_view(), name="node"),
    path("nodes/<uuid:pk>/endpoint/", nodes.ChangeEndpoint.as_view(), name="change_endpoint"),
    path("nodes/<uuid:pk>/retire/", nodes.Retire.as_view(), name="retire_node"),
    path("nodes/<uuid:pk>/request/", requests.Submit.as_view(), name="submit_request"),
    path("nodes/<uuid:pk>/enrolment/", enrolments.Enrol.as_view(), name="enrol"),
    path("requests/", requests.Requests.as_view(), name="requests"),
    path("requests/new/", requests.SubmitForHolder.as_view(), name="submit_holder_request"),
    path("requests/<uuid:pk>/", requests.OneRequest.as_view(), name="request"),
    path("enrolments/", enrolments.Enrolments.as_view(), name="enrolments"),
    path("enrolments/<uuid:pk>/withdraw/", enrolments.Withdraw.as_view(), name="withdraw_enrolment"),
    path("authorities/", certificates.Authorities.as_view(), name="authorities"),
    path("certificates/", certificates.Certificates.as_view(), name="certificates"),
    path("certificates/expiring/", certificates.Expiring.as_view(), name="expiring"),
    path("certificates/revocations/", certificates.Revocations.as_view(), name="revocations"),
    path("certificates/<uuid:pk>/", certificates.OneCertificate.as_view(), name="certificate"),
    path("certificates/<uuid:pk>/certificate.pem", certificates.leaf, name="certificate_leaf"),
    path("certificates/<uuid:pk>/chain.pem", certificates.chain, name="certificate_chain"),
    path("certificates/<uuid:pk>/renew/", requests.Renew.as_view(), name="renew"),
    path("certificates/<uuid:pk>/revoke/", revoking.Revoke.as_view(), name="revoke"),
    path("certificates/<uuid:pk>/compromise/", revoking.Compromise.as_view(), name="compromise"),
    path("certificates/<uuid:pk>/suspend/", revoking.Suspend.as_view(), name="suspend"),
    path("certificates/<uuid:pk>/release/", revoking.Release.as_view(), name="release"),
    path("proposals/", proposals.Proposals.as_view(), name="proposals"),
    path("proposals/<uuid:pk>/", proposals.OneProposal.as_view(), name="proposal"),
    path("proposals/<uuid:pk>/bundle.json", deciding.Bundle.as_view(), name="bundle"),
    path("proposals/<uuid:pk>/attachments/", deciding.Attachments.as_view(), name="attachments"),
    path("proposals/<uuid:pk>/comment/", deciding.Comment.as_view(), name="comment"),
    path("proposals/<uuid:pk>/ballot/", proposals.HandIn.as_view(), name="hand_in"),
    path("proposals/<uuid:pk>/signature/", voting.Sign.as_view(), name="sign"),
    path("proposals/<uuid:pk>/our-vote/", voting.ProposeVote.as_view(), name="propose_vote"),
    path("proposals/<uuid:pk>/our-vote/withdraw/", voting.WithdrawVote.as_view(), name="withdraw_vote"),
    path("guardians/", guardians.Guardians.as_view(), name="guardians"),
    path("guardians/freeze/", guardians.SignFreeze.as_view(), name="guardian_freeze"),
    path("guardians/cancel/", guardians.SignCancel.as_view(), name="guardian_cancel"),
    path("guardians/hand-in/", guardians.HandInConfirmation.as_view(), name="guardian_hand_in"),
    path("ledgers/", ledgers.Ledgers.as_view(), name="ledgers"),
    path("ledgers/<slug:slug>/", ledgers.OneLedger.as_view(), name="ledger"),
    path("ledgers/<slug:slug>/proposals/", ledgers.Proposals.as_view(), name="ledger_proposals"),
    path(
        "ledgers/<slug:slug>/proposals/<int:number>/", ledgers.OneProposal.as_view(), name="ledger_proposal"
    ),
    path(
        "ledgers/<slug:slug>/proposals/<int:number>/hand-in/",
        ledgers.HandInVote.as_view(),
        name="hand_in_vote",
    ),
    path("ledgers/<slug:slug>/wishes/<int:pk>/", ledgers.HandInWish.as_view(), name="hand_in_wish"),
    path("lists/", lists.Lists.as_view(), name="lists"),
    path("lists/<uuid:pk>/", lists.OneEpoch.as_view(), name="epoch"),
    path("institutions/", record.Institutions.as_view(), name="institutions"),
    path("institutions/<uuid:pk>/", record.OneInstitution.as_view(), name="institution"),
    path(
        "institutions/<uuid:pk>/voting-address/",
        record.RegisterVotingAddress.as_view(),
        name="voting_address",
    ),
    path("institutions/<uuid:pk>/voting/", voting.VotingDesk.as_view(), name="voting_desk"),
    path(
        "institutions/<uuid:pk>/voting/substitute/", voting.NameSubstitute.as_view(), name="name_substitute"
    ),
    path(
        "institutions/<uuid:pk>/voting/substitute/end/",
        voting.EndSubstitution.as_view(),
        name="end_substitution",
    ),
    path("institutions/<uuid:pk>/voting/duty/", voting.SetDuty.as_view(), name="set_duty"),
    path("institutions/<uuid:pk>/contact/", record.ChangeContact.as_view(), name="change_contact"),
    path("record/", record.Record.as_view(), name="record"),
    path("account/", record.Account.as_view(), name="account"),
    path("account/token/", record.renew_token, name="renew_token"),
    path("account/token/withdraw/", record.withdraw_token, name="withdraw_token"),
]
