"""The API's addresses, under /api/v1/."""

from __future__ import annotations

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from consortium.web import errors
from consortium.web.api import (
    certificate_views,
    guardian_views,
    ledger_views,
    log_views,
    removal_views,
    spreading_views,
    views,
)

router = SimpleRouter(use_regex_path=False)
router.register("institutions", views.Institutions)
router.register("nodes", views.Nodes)
router.register("requests", certificate_views.Requests)
router.register("certificates", certificate_views.Certificates)
router.register("enrolments", certificate_views.Enrolments)
router.register("proposals", views.Proposals)
router.register("substitutions", views.Substitutions)
router.register("guardians", guardian_views.Guardians, basename="guardians")
router.register("ledgers", ledger_views.Ledgers)
router.register("committee-proposals", ledger_views.CommitteeProposals)
router.register("committee-wishes", ledger_views.CommitteeWishes)
router.register("committee-transactions", ledger_views.CommitteeTransactions)
router.register("epochs", views.Epochs)
router.register("convergence", views.Convergence, basename="convergence")
router.register("networks", spreading_views.Networks)
router.register("logs", log_views.Logs, basename="logs")
router.register("alarms", spreading_views.Alarms)
router.register("removals", removal_views.Removals)
router.register("events", views.Events)

app_name = "api"
urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("", include(router.urls)),
    path("<path:anything>", errors.not_found),
]
