from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "analysis"

    def ready(self) -> None:
        from analysis import gates, handlers, sampled, standing  # noqa: F401 importing handlers registers them

        gates.register()
        standing.register()
        sampled.register()
