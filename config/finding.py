"""The palette: one field that finds pages, experiments, flags, metrics, surfaces and the API.

Everything matches on all typed words. `/find/` is a page of its own, so that links and browsers without
scripts have the same; the palette asks `/find/options` for the same as options.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from config import navigation, reference
from experiments import queries as experiment_queries
from flags import queries as flag_queries
from metrics import queries as metric_queries
from organisation import queries as organisation_queries

LONGEST = 100
MOST_OF_A_KIND = 6


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found: of what kind, what it is called, what says more, and where it is."""

    kind: str
    title: str
    detail: str
    address: str


def page(request: HttpRequest) -> HttpResponse:
    """Everything that matches, as links."""
    words = asked(request)
    return render(request, "find.html", {"words": words, "hits": found(words)})


def options(request: HttpRequest) -> HttpResponse:
    """The same, as the options of the palette."""
    words = asked(request)
    return render(request, "parts/found.html", {"words": words, "hits": found(words)})


def asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").replace("\0", "").strip()[:LONGEST]


def found(words: str) -> list[Hit]:
    """At most six of each kind; without words the places alone."""
    kinds: tuple[Callable[[str], Iterable[Hit]], ...] = (
        places, experiments, flags, metrics, surfaces, operations,
    )  # fmt: skip
    if not words:
        return list(places(""))
    return list(chain.from_iterable(islice(kind(words), MOST_OF_A_KIND) for kind in kinds))


def fits(words: str, text: str) -> bool:
    """Whether every word is part of the text, capital letters or not."""
    lowered = text.lower()
    return all(word in lowered for word in words.lower().split())


def places(words: str) -> Iterator[Hit]:
    for entry in navigation.NAVIGATION:
        for place in entry.places:
            if fits(words, f"{entry.title} {place.title} {place.words}"):
                yield Hit("Page", place.title, entry.title, place.address)
    for place in navigation.BEGINNINGS:
        if fits(words, f"{place.title} {place.words}"):
            yield Hit("Page", place.title, "", place.address)


def experiments(words: str) -> Iterator[Hit]:
    for row in experiment_queries.experiments(search=words)[:MOST_OF_A_KIND]:
        address = reverse("experiment", kwargs={"key": row.key})
        yield Hit("Experiment", row.title, f"{row.key}, {row.lifecycle_state.words}", address)


def flags(words: str) -> Iterator[Hit]:
    for row in flag_queries.flags(search=words)[:MOST_OF_A_KIND]:
        yield Hit("Flag", row.title or row.key, row.key, reverse("flag", kwargs={"key": row.key}))


def metrics(words: str) -> Iterator[Hit]:
    for row in metric_queries.metrics(search=words)[:MOST_OF_A_KIND]:
        title = row.current.definition.title if row.current else row.key
        yield Hit("Metric", title, row.key, reverse("metric", kwargs={"key": row.key}))


def surfaces(words: str) -> Iterator[Hit]:
    for row in organisation_queries.surfaces():
        if fits(words, f"{row.key} {row.name} {row.description} surface"):
            yield Hit("Surface", row.name, row.key, reverse("surface", kwargs={"key": row.key}))


def operations(words: str) -> Iterator[Hit]:
    for method, path, summary in reference.outline():
        if fits(words, f"api {method} {path} {summary}"):
            address = f"{reverse('api-pages')}#{reference.anchor(method, path)}"
            yield Hit("API", f"{method} {path}", summary, address)
