"""What the one-pager says about a surface, ready for the page and for the PDF."""

from datetime import date
from typing import Any

from impact import drawing, onepager, queries, services
from impact.grades import Grade
from impact.pooling import ALPHA
from ledger.refusals import refuse
from organisation import queries as organisation


def sheet(key: str, *, today: date) -> dict[str, Any]:
    """Raises NotFound for the surface, Refused when it has no ratio that holds."""
    surface = organisation.surface(key)
    ratio = queries.current_ratio(key, today=today)
    if ratio is None:
        why = "it has no ratio that holds today"
        raise refuse("surface", key, why, "Publish one on the page of the surface.")
    answer = services.ask(surface=key, ms=100, today=today)
    findings = list(queries.findings(surface=key, state="accepted"))
    used = [row for row in findings if str(row.id) in ratio.findings]
    with_curve = next((row for row in used if row.details.get("curve")), None)
    model = ratio.value_model
    heterogeneity = ratio.heterogeneity or {}
    return {
        "surface": surface.name,
        "sentence": getattr(answer, "sentence", ""),
        "curve": drawing.curve(with_curve.details) if with_curve is not None else "",
        "knee": onepager.knee_words(with_curve.details.get("knee")) if with_curve is not None else "",
        "rows": onepager.rows([_facts(row) for row in findings], ratio.findings),
        "assumptions": onepager.assumptions(
            value=queries.as_value(model),
            outcome=model.outcome,
            baseline_ms=ratio.baseline_ms,
            source=model.source,
        ),
        "minds": onepager.minds(
            grade=Grade(ratio.grade),
            per_100_ms=ratio.per_100_ms,
            low=ratio.low,
            high=ratio.high,
            valid_until=ratio.valid_until,
            studies=len(used),
            disagree=float(heterogeneity.get("p_value", 1.0)) < ALPHA,
        ),
        "line": f"Ratio version {ratio.number}, {ratio.method}, published by {ratio.reviewed_by}, "
        f"valid until {ratio.valid_until:%Y-%m-%d}.",
    }


def _facts(row: Any) -> dict[str, Any]:
    names = ("id", "title", "grade", "per_100_ms", "standard_error", "began_on", "ended_on")
    return {name: getattr(row, name) for name in names}
