from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProposalsConfig(AppConfig):
    name = "governance.proposals"
    label = "proposals"
    verbose_name = _("Votes")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.proposals import following, topics

        topics.declare()
        following.declare()
