from django.apps import AppConfig


class ChainConfig(AppConfig):
    name = "governance.chain"
    label = "chain"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.chain import topics

        topics.declare()
