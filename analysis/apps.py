from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "analysis"

    def ready(self) -> None:
        from analysis import gates, handlers, sampled, source_gates, standing  # noqa: F401 handlers register
        from analysis.planning import checks
        from analysis.portfolio import promises

        gates.register()
        checks.register()
        promises.register()
        source_gates.register()
        standing.register()
        sampled.register()
