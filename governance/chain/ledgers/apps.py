from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LedgersConfig(AppConfig):
    name = "governance.chain.ledgers"
    label = "ledgers"
    verbose_name = _("Governed ledgers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from consortium.core import events
        from governance.chain.ledgers import carrying, topics

        topics.declare()
        events.on_together(("registry.changed", "registry.account_changed"), carrying.decided)
