from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CertsConfig(AppConfig):
    name = "certs"
    label = "certs"
    verbose_name = _("Certificates")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from certs import checks, topics  # noqa: F401 - checks register themselves
        from certs.sm2 import signing
        from certs.status import listening

        topics.declare()
        signing.register()
        listening.subscribe()
