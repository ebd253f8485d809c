"""Who may change incidents, postmortems and what belongs to them: everybody but viewers."""

from django.core.exceptions import PermissionDenied

from organisation import queries as organisation
from organisation.roles import Right

KEY = "key:"
"""How keys are called where people have names; their scope was judged at the door."""
WORKING = (Right.EXPERIMENT, Right.REVIEW, Right.DEFINE_METRICS, Right.ADMINISTER)


def check_may_work(actor: str) -> None:
    """Raise PermissionDenied for people who only look."""
    if actor.startswith(KEY) or any(organisation.is_allowed(actor, right) for right in WORKING):
        return
    raise PermissionDenied(
        "This needs a role that may change something: experimenter, reviewer, metric_owner or admin. "
        "Roles are given on the page People and roles."
    )
