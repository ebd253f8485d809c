from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "governance"

    def ready(self) -> None:
        from experiments import required
        from governance import (  # noqa: F401  handlers register themselves
            budgets,
            document_findings,
            gates,
            handlers,
            incident_queries,
            policy_queries,
            standing,
        )
        from governance.services import actions
        from organisation import ownership

        ownership.register("action", owned=incident_queries.owned_actions, transfer=actions.hand_over)
        required.register(policy_queries.required_of)
        gates.register()
        standing.register()
        document_findings.register()
        budgets.register()
