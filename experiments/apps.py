from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "experiments"

    def ready(self) -> None:
        from experiments import queries
        from metrics import usage

        usage.register(queries.uses_of_metric)
