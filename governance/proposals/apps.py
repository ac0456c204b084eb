from django.apps import AppConfig


class ProposalsConfig(AppConfig):
    name = "governance.proposals"
    label = "proposals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from governance.proposals import following, topics

        topics.declare()
        following.declare()
