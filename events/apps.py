from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"

    def ready(self) -> None:
        from events import handlers, queries  # noqa: F401  importing handlers registers them
        from flags import seen

        seen.register(queries.last_exposures, queries.exposures_since)
        seen.register_daily(queries.exposures_by_day)
