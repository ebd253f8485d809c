from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"

    def ready(self) -> None:
        from experiments import queries
        from experiments.services import hand_over
        from metrics import usage
        from organisation import ownership

        usage.register(queries.uses_of_metric)
        ownership.register("experiment", owned=queries.owned, transfer=hand_over)
