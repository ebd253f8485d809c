"""What every page of one flag needs: the flag, the environment it is looked at in, what is live there."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from flags import queries, seen, summary
from flags.models import Environment, Flag, FlagVersion
from flags.summary import Summary
from ledger.refusals import NotFound, problem


@dataclass(frozen=True, slots=True)
class Here:
    """A flag in the environment the visitor looks at."""

    flag: Flag
    environment: Environment
    live: FlagVersion | None
    draft: FlagVersion | None
    summary: Summary

    @property
    def keys(self) -> dict[str, Any]:
        """Arguments that services take."""
        return {"flag": self.flag.key, "environment": self.environment.key}


def here(request: HttpRequest, key: str) -> Here:
    """The flag in the environment that `?environment=` or the form names, otherwise in the first one."""
    flag, environment = queries.flag(key), chosen_environment(request)
    live = queries.live_version(flag, environment)
    is_held = queries.open_holds(flag, environment).exists()
    state = summary.of(None if flag.is_archived or live is None else live.definition, is_held=is_held)
    return Here(flag, environment, live, queries.draft(flag, environment), state)


def chosen_environment(request: HttpRequest) -> Environment:
    """Raises NotFound when there is none at all, or none with the named key."""
    named = request.POST.get("environment") or request.GET.get("environment")
    if named:
        return queries.environment(named)
    first = queries.environments().first()
    if first is None:
        why = "there is no environment yet"
        raise NotFound(problem("environment", "", why, "Make one under Flags > Environments."))
    return first


def frame(found: Here, tab: str) -> dict[str, Any]:
    """What the head of every tab shows."""
    seen_at = seen.last_seen(found.environment.key, [found.flag.key]).get(found.flag.key)
    return {
        "here": found,
        "flag": found.flag,
        "environment": found.environment,
        "environments": queries.environments(),
        "tab": tab,
        "seen_at": seen_at,
        "seen_is_known": seen.is_known(),
        "today": timezone.now().date(),
    }


def by(request: HttpRequest) -> dict[str, Any]:
    """Who acts and when."""
    return {"actor": request.user.get_username(), "now": timezone.now()}
