from django.apps import AppConfig


class FlagsConfig(AppConfig):
    name = "flags"

    def ready(self) -> None:
        from flags import delivery_queries, objections, queries, seen
        from flags.services.handing import hand_over_flag
        from organisation import ownership

        objections.register()
        ownership.register("flag", owned=queries.owned, transfer=hand_over_flag)
        seen.register(delivery_queries.last_sightings, delivery_queries.sightings_since)
