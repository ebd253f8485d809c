"""Which addresses of the URLconf can widen what people see: each view, followed to the services it calls."""

import inspect
from collections.abc import Iterator
from functools import cache

from django.urls import URLPattern, URLResolver, get_resolver

from tests.apps.governance import reach
from tests.apps.governance.paths import EXPERIMENT_PATHS, FLAG_PATHS, OTHER_PATHS


@cache
def opening() -> frozenset[str]:
    """The services that can lead to everybody."""
    named = [f"flags.services.{name}" for name in FLAG_PATHS]
    named += [f"experiments.services.{name}" for name in EXPERIMENT_PATHS]
    return frozenset(map(reach.canonical, named)) | OTHER_PATHS


@cache
def openers() -> dict[str, frozenset[str]]:
    """By the name of each such address, the definitions outside services that a request runs through."""
    found = {}
    for pattern in patterns(get_resolver()):
        entrances, called = followed(served_by(pattern))
        if called & opening():
            assert pattern.name, f"{pattern.pattern} has no name"
            found[pattern.name] = frozenset(entrances)
    return found


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for each in resolver.url_patterns:
        if isinstance(each, URLResolver):
            yield from patterns(each)
        else:
            yield each


def served_by(pattern: URLPattern) -> list[str]:
    """The view, and functions that the address hands to it."""
    view = pattern.callback
    handed = {
        **getattr(view, "view_initkwargs", {}),
        **getattr(view, "initkwargs", {}),
        **pattern.default_args,
    }
    made_of = getattr(view, "view_class", None) or getattr(view, "cls", None) or inspect.unwrap(view)
    functions = [made_of, *(each for each in handed.values() if inspect.isfunction(each))]
    return [f"{each.__module__}.{each.__qualname__}" for each in map(inspect.unwrap, functions)]


def followed(starts: list[str]) -> tuple[set[str], set[str]]:
    """What is reached without looking into services, and the services."""
    seen, waiting = set(starts), [each for each in starts if ".services." not in each]
    while waiting:
        for each in reach.references().get(waiting.pop(), ()):
            if each not in seen:
                seen.add(each)
                if ".services." not in each:
                    waiting.append(each)
    called = {each for each in seen if ".services." in each}
    return seen - called, called
