from django.apps import AppConfig


class FlagsConfig(AppConfig):
    name = "flags"

    def ready(self) -> None:
        from flags import objections, queries, seen

        objections.register()
        seen.register(queries.last_sightings, queries.sightings_since)
