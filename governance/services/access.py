"""Who may change what governance keeps: everybody but viewers, and a launch only where it takes place."""

from django.core.exceptions import PermissionDenied

from organisation import queries as organisation
from organisation.roles import Right

KEY = "key:"
"""How keys are called where people have names; their scope was judged at the door."""
WORKING = (Right.EXPERIMENT, Right.REVIEW, Right.DEFINE_METRICS, Right.ADMINISTER)
LAUNCHING = (Right.EXPERIMENT, Right.REVIEW)
SEE = "Roles are given on the page People and roles."


def check_may_work(actor: str) -> None:
    """Raise PermissionDenied for people who only look, wherever they are."""
    if actor.startswith(KEY) or any(organisation.is_allowed_somewhere(actor, right) for right in WORKING):
        return
    raise PermissionDenied(
        f"This needs a role that may change something: experimenter, reviewer, metric_owner or admin. {SEE}"
    )


def check_may_launch(actor: str, environment: str) -> None:
    """Raise PermissionDenied for who neither experiments nor reviews in the environment of a launch."""
    if any(organisation.is_allowed(actor, right, environment) for right in LAUNCHING):
        return
    raise PermissionDenied(
        f"This needs one of the roles experimenter, reviewer, admin in {environment}. {SEE}"
    )
