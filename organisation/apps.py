from django.apps import AppConfig


class OrganisationConfig(AppConfig):
    name = "organisation"

    def ready(self) -> None:
        from organisation import ownership, queries, services

        ownership.register("team", owned=queries.owned_teams, transfer=services.transfer_team)
        ownership.register("surface", owned=queries.owned_surfaces, transfer=services.transfer_surface)
