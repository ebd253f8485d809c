"""Which of its own stop rules an ablation has reached: dose limit, exposure budget, complaint rate.

Harm is expected of an ablation, so guardrails do not stop it; its stop rules do. They are kept in an app
above this one, which registers a function when it is ready.
"""

from collections.abc import Callable, Sequence

StopsOf = Callable[[str], Sequence[str]]
_providers: list[StopsOf] = []


def register(stops_of: StopsOf) -> None:
    """Ask `stops_of(experiment key)` at every look for the rules it reached, one short sentence each."""
    if stops_of not in _providers:
        _providers.append(stops_of)


def reached(experiment: str) -> tuple[str, ...]:
    """Every rule that was reached; empty for most."""
    return tuple(text for stops_of in _providers for text in stops_of(experiment))
