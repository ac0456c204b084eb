from django.apps import AppConfig


class PermissionsConfig(AppConfig):
    name = "governance.permissions"
    label = "permissions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.permissions import topics

        topics.declare()
