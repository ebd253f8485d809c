from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from experiments import required
        from governance import gates, handlers, policy_queries, standing  # noqa: F401  handlers register

        required.register(policy_queries.required_of)
        gates.register()
        standing.register()
