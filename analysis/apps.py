from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "analysis"

    def ready(self) -> None:
        from analysis import (  # noqa: F401 handlers register
            gates,
            handlers,
            kept_events,
            sampled,
            source_gates,
            standing,
        )
        from analysis.planning import checks
        from analysis.portfolio import promises

        gates.register()
        checks.register()
        promises.register()
        source_gates.register()
        standing.register()
        sampled.register()
        kept_events.register()
