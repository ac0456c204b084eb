"""The console's addresses. The node gateway has its own: ``gateway_urls``."""

from django.contrib import admin
from django.urls import include, path
from django.views.i18n import set_language

from consortium.web import errors, public

urlpatterns = [
    path("healthz", public.healthz, name="healthz"),
    path("readyz", public.readyz, name="readyz"),
    path("metrics", public.metrics, name="metrics"),
    path("pki/<slug:name>.crt", public.authority_certificate, name="authority_certificate"),
    path("pki/<slug:name>.crl", public.revocation_list, name="revocation_list"),
    path("pki/<slug:name>/<int:shard>.crl", public.revocation_list_part, name="revocation_list_part"),
    path("pki/ocsp", public.status_answer, name="status_answer"),
    path("pki/ocsp/<path:encoded>", public.status_answer_by_get, name="status_answer_by_get"),
    path("admin/", admin.site.urls),
    # The secretariat keeps the addresses of accounts: no change of one's own, no confirmation mails.
    path("accounts/email/", errors.not_found),
    path("accounts/", include("allauth.urls")),
    path("language/", set_language, name="set_language"),
    path("api/v1/", include("consortium.web.api.urls")),
    path("", include("consortium.web.portal.urls")),
]

handler400 = "consortium.web.errors.bad_request"
handler403 = "consortium.web.errors.forbidden"
handler404 = "consortium.web.errors.not_found"
handler500 = "consortium.web.errors.server_error"
