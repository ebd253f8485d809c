from django.apps import AppConfig


class ImpactConfig(AppConfig):
    name = "impact"

    def ready(self) -> None:
        from impact import handlers  # noqa: F401  registers itself
