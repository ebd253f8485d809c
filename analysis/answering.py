"""A stored report as an HTTP answer in one of its forms: for the console, the API and share links alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse

from analysis.report import exports, pictures
from analysis.report.forms import FORMS, PICTURES, Stored
from ledger.refusals import Conflict, problem

if TYPE_CHECKING:
    from analysis.models import ReportSnapshot

SHOWN_HASH = 12


def stored(snapshot: ReportSnapshot) -> Stored:
    """The snapshot with the address of its permalink."""
    return Stored(
        text=snapshot.document,
        document=json.loads(snapshot.document),
        sha256=snapshot.sha256,
        url=permalink(snapshot),
        sender=sender(),
    )


def permalink(snapshot: ReportSnapshot) -> str:
    """The whole address of this snapshot in the console."""
    place = {"key": snapshot.experiment.key, "sha256": snapshot.sha256[:SHOWN_HASH]}
    return f"{settings.HEADWAY_WEB_URL}{reverse('experiment-snapshot', kwargs=place)}"


def shared_address(signed: str) -> str:
    """The whole address of a link for people without an account."""
    return f"{settings.HEADWAY_WEB_URL}{reverse('shared-report', kwargs={'signed': signed})}"


def sender() -> str:
    """Who mails come from: this site's host."""
    return f"headway@{urlsplit(settings.HEADWAY_WEB_URL).hostname or 'localhost'}"


def file(snapshot: ReportSnapshot, form: str) -> HttpResponse:
    """The file, named after experiment, look and hash."""
    of = stored(snapshot)
    response = HttpResponse(FORMS[form].write(of), content_type=FORMS[form].content_type)
    return _named(response, of, form)


def picture(snapshot: ReportSnapshot, name: str, form: str) -> HttpResponse:
    """One picture of the report. Raises NotFound, and Conflict where the page hides the effects."""
    of = stored(snapshot)
    if not exports.shows_effects(of.document):
        reason = exports.why_hidden(of.document).rstrip(".")
        raise Conflict(problem("chart", name, reason, "The report itself says when this changes."))
    kind, write = PICTURES[form]
    response = HttpResponse(write(pictures.chart(of.document, name).svg), content_type=kind)
    return _named(response, of, f"{name}.{form}")


def _named(response: HttpResponse, of: Stored, ending: str) -> HttpResponse:
    about, look = of.document["experiment"], of.document["look"]
    name = f"{about['key']}-look-{look['number']}-{of.sha256[:SHOWN_HASH]}.{ending}"
    response["Content-Disposition"] = f'inline; filename="{name}"'
    response["ETag"] = f'"{of.sha256}"'
    # A drawing opened by itself is a document: nothing in it may run or load.
    response["X-Content-Type-Options"] = "nosniff"
    return response
