"""Which metrics everybody has to watch; those who keep guardrail sets register here when they are ready."""

from collections.abc import Callable, Iterable

from experiments.preflight import Required

RequiredOf = Callable[[str, str, str], Iterable[Required]]
_providers: list[RequiredOf] = []


def register(required_of: RequiredOf) -> None:
    """Ask `required_of(surface, team, experiment)` for what is attached there; each may be empty. What was
    waived for the experiment is not in the answer."""
    if required_of not in _providers:
        _providers.append(required_of)


def metrics(surface: str, team: str, experiment: str = "") -> tuple[Required, ...]:
    """Every attached metric once, with whose it is; the first that names a metric counts."""
    found = [each for ask in _providers for each in ask(surface, team, experiment)]
    return tuple({each.metric: each for each in reversed(found)}.values())[::-1]
