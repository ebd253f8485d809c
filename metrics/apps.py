from django.apps import AppConfig


class MetricsConfig(AppConfig):
    name = "metrics"

    def ready(self) -> None:
        from metrics import queries, services
        from organisation import ownership

        ownership.register("metric", owned=queries.owned, transfer=services.hand_over)
