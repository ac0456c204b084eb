from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """django.contrib.admin with the console's own site."""

    default_site = "consortium.web.site.ConsoleAdminSite"


class WebConfig(AppConfig):
    name = "consortium.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def ready(self) -> None:
        from consortium.web import accounts

        accounts.declare()
