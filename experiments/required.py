"""Which metrics everybody has to watch; those who keep guardrail sets register here when they are ready."""

from collections.abc import Callable, Iterable

from experiments.preflight import Required

RequiredOf = Callable[[str, str], Iterable[Required]]
_providers: list[RequiredOf] = []


def register(required_of: RequiredOf) -> None:
    """Ask `required_of(surface, team)` for what is attached there; both may be empty."""
    if required_of not in _providers:
        _providers.append(required_of)


def metrics(surface: str, team: str) -> tuple[Required, ...]:
    """Every attached metric once, with whose it is."""
    found = (each for ask in _providers for each in ask(surface, team))
    return tuple({each.metric: each for each in found}.values())
