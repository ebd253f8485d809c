from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from experiments import required
        from governance import handlers, policy_queries  # noqa: F401  handlers register themselves

        required.register(policy_queries.required_of)
