from django.apps import AppConfig


class CertsConfig(AppConfig):
    name = "certs"
    label = "certs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from certs import topics

        topics.declare()
