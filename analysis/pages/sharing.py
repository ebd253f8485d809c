"""Shared links: the page where they are made and revoked, and what somebody without an account sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from analysis import answering, queries, services, unblinding
from analysis.pages import reading
from analysis.report import page
from experiments import queries as experiments
from experiments.pages.detail import frame
from ledger.refusals import NotFound, Refused

if TYPE_CHECKING:
    from analysis.models import ReportSnapshot, ShareLink

LIVE, PINNED = "live", "snapshot"
GONE = 410
PRIVATE = {
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
}
"""What keeps an address that is a key out of search engines, other sites' logs and caches."""


def links(request: HttpRequest, key: str) -> HttpResponse:
    """All links to the reports of an experiment, and the form for a new one."""
    if request.method == "POST":
        return _create(request, key)
    return _page(request, key, given={"sha256": request.GET.get("snapshot", "")})


@require_POST
def revoke(request: HttpRequest, key: str, link_id: int) -> HttpResponse:
    """The link shows nothing from now on."""
    by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
    services.revoke_share(experiment=key, link_id=link_id, **by)
    messages.success(request, "The link is revoked and shows nothing any more.")
    return redirect("experiment-shares", key=key)


@login_not_required
@require_GET
def shared(request: HttpRequest, signed: str) -> HttpResponse:
    """The report for somebody without an account: this one and nothing else."""
    try:
        link = services.open_share(signed=signed, now=timezone.now())
        snapshot = services.shown_under(link)
    except (NotFound, services.LinkClosed, services.TooOften) as refused:
        return _refused(request, refused)
    return _private(render(request, "analysis/shared.html", _shown(link, snapshot, signed)))


@login_not_required
@require_GET
def shared_pdf(request: HttpRequest, signed: str) -> HttpResponse:
    """The same as a PDF."""
    try:
        link = services.open_share(signed=signed, now=timezone.now())
        snapshot = services.shown_under(link)
    except (NotFound, services.LinkClosed, services.TooOften) as refused:
        return _refused(request, refused)
    return _private(answering.file(snapshot, "pdf"))


def _create(request: HttpRequest, key: str) -> HttpResponse:
    given = {name: request.POST.get(name, "") for name in ("what", "sha256", "days", "note")}
    sha256 = "" if given["what"] == LIVE else given["sha256"]
    days = int(given["days"]) if given["days"].isascii() and given["days"].isdigit() else 0
    by: dict[str, Any] = {"actor": request.user.get_username(), "now": timezone.now()}
    try:
        services.share_report(experiment=key, sha256=sha256, days=days, note=given["note"], **by)
    except Refused as refused:
        return _page(request, key, given=given, refused=refused)
    messages.success(request, "The link is made. Whoever has it can read the report until it expires.")
    return redirect("experiment-shares", key=key)


def _page(
    request: HttpRequest, key: str, *, given: dict[str, str], refused: Refused | None = None
) -> HttpResponse:
    experiment, now = experiments.experiment(key), timezone.now()
    context = {
        **frame(experiment, "report"),
        "links": [_listed(link) for link in queries.shares(key)],
        "snapshots": queries.snapshots(key).defer("document")[: reading.SHOWN_SNAPSHOTS],
        "given": {"days": str(services.USUAL_SHARE_DAYS), "note": "", "what": PINNED, **given},
        "problems": refused.problems if refused else (),
        "longest": services.LONGEST_SHARE_DAYS,
        "now": now,
    }
    return render(request, "analysis/shares.html", context, status=422 if refused else 200)


def _listed(link: ShareLink) -> dict[str, Any]:
    """A link with its whole address while it is open."""
    is_open = link.is_open(timezone.now())
    address = answering.shared_address(services.share_token(link)) if is_open else ""
    return {"row": link, "is_open": is_open, "address": address}


def _shown(link: ShareLink, snapshot: ReportSnapshot, signed: str) -> dict[str, Any]:
    """The document as the console shows it, without any way further in."""
    document = reading.loaded(snapshot)
    is_blind = unblinding.is_blind(document, link.experiment, viewer="", now=timezone.now())
    return {
        **page.present(document),
        "sha": snapshot.sha256,
        "link": link,
        "signed": signed,
        "is_shared": True,
        "is_blind": is_blind,
        "is_hidden": document["effects_hidden"],
        "show_effects": not (is_blind or document["effects_hidden"]),
        "experiment": {"key": link.experiment.key, "title": link.experiment.title},
    }


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    """One page for every link that shows nothing, with the reason and no more."""
    status = GONE if isinstance(refused, services.LinkClosed) else 404
    if isinstance(refused, services.TooOften):
        status = 429
    context = {"problem": refused.problems[0]}
    response = _private(render(request, "analysis/shared_closed.html", context, status=status))
    if status == 429:
        response["Retry-After"] = "60"
    return response


def _private(response: HttpResponse) -> HttpResponse:
    for name, value in PRIVATE.items():
        response[name] = value
    return response
