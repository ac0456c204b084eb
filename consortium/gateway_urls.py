"""The node gateway's addresses: none of the console's pages are here, and none of these there."""

from django.urls import path, re_path

from certs.est import views as est
from governance.permissions import gateway

handler400 = "consortium.core.surface.bad_request"
handler404 = "consortium.core.surface.unknown_address"
handler500 = "consortium.core.surface.failure"

urlpatterns = [
    path("tuf/metadata/<str:name>", gateway.metadata),
    path("tuf/targets/<slug:network>/<path:path>", gateway.target),
    path("v1/networks/<slug:network>/lists/<slug:name>", gateway.current_list),
    path("v1/acks", gateway.acknowledge),
    *(
        path(f".well-known/est/{place}{view.__name__}", view)
        for view in (est.cacerts, est.csrattrs, est.simpleenroll, est.simplereenroll)
        for place in ("", "<slug:profile>/")
    ),
    re_path(r"^\.well-known/est/", est.unknown),
]
