"""Two looks at one experiment side by side, and the rules that judge looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from analysis import queries, unblinding
from analysis.pages import reading
from analysis.pages.report import snapshot_of
from analysis.report import changes, verdict, vocabulary
from experiments import queries as experiments

if TYPE_CHECKING:
    from analysis.models import ReportSnapshot


def against(request: HttpRequest, key: str) -> HttpResponse:
    """The two looks that the address names; without names the newest two."""
    experiment = experiments.experiment(key)
    listed = list(queries.snapshots(key).defer("document")[: reading.SHOWN_SNAPSHOTS])
    context = {**reading.around(request, experiment, "report"), "snapshots": listed}
    after = _asked(request, key, "after", listed[0] if listed else None)
    before = _asked(request, key, "before", listed[1] if len(listed) > 1 else None)
    if before is None or after is None:
        return render(request, "analysis/against.html", context)
    documents = reading.loaded(before), reading.loaded(after)
    viewer, now = request.user.get_username(), timezone.now()
    is_blind = any(unblinding.is_blind(each, experiment, viewer=viewer, now=now) for each in documents)
    hides = is_blind or any(each["effects_hidden"] for each in documents)
    context |= {"before": before, "after": after, "is_blind": is_blind, "hides": hides}
    context |= {
        "facts": changes.facts(*documents),
        "sentences": changes.between(*documents),
        "rows": [] if hides else changes.side_by_side(*documents),
        "report": documents[1],
    }
    return render(request, "analysis/against.html", context)


def rules(request: HttpRequest) -> HttpResponse:
    """Every rule that ever judged a report, with its questions in their order."""
    shown = [
        {
            "rule": rule,
            "kinds": vocabulary.RULE_KINDS[rule.name],
            "is_in_force": rule in verdict.IN_FORCE,
            "clauses": [{"clause": each, "sign": vocabulary.VERDICTS[each.verdict]} for each in rule.clauses],
        }
        for rule in verdict.RULES
    ]
    return render(request, "analysis/rules.html", {"rules": shown})


def _asked(
    request: HttpRequest, key: str, name: str, otherwise: ReportSnapshot | None
) -> ReportSnapshot | None:
    """The snapshot that the address names. Raises NotFound for one of another experiment."""
    sha256 = request.GET.get(name, "") or (otherwise.sha256 if otherwise else "")
    return snapshot_of(key, sha256) if sha256 else None
