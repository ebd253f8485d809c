from django.apps import AppConfig


class ImpactConfig(AppConfig):
    name = "impact"

    def ready(self) -> None:
        from analysis import stopping
        from analysis.report import worth
        from impact import handlers, standing  # noqa: F401  importing handlers registers them

        stopping.register(standing.stops)
        worth.register(standing.worth)
