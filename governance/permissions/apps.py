from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PermissionsConfig(AppConfig):
    name = "governance.permissions"
    label = "permissions"
    verbose_name = _("Permission lists")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from certs import forecast
        from governance.permissions import expiries, logbook, published, topics

        topics.declare()
        published.add(logbook.targets)
        forecast.add(expiries.of_root)
