"""Reads of findings, value models and ratios."""

from datetime import date

from django.db.models import QuerySet

from impact import pricing
from impact.models import (
    AblationStudy,
    Evidence,
    EvidenceState,
    NaturalExperiment,
    Ratio,
    RatioState,
    ValueModel,
)
from ledger.refusals import NotFound, problem
from organisation import queries as organisation


def findings(*, surface: str = "", state: str = "") -> QuerySet[Evidence]:
    """Findings, newest first; rejected ones too, they stay visible."""
    found = Evidence.objects.select_related("surface")
    found = found.filter(surface__key=surface) if surface else found
    return found.filter(state=state) if state in EvidenceState.values else found


def finding(finding_id: int) -> Evidence:
    """One finding, or NotFound."""
    found = findings().filter(id=finding_id).first()
    if found is None:
        fix = "Findings are listed on the page Evidence."
        raise NotFound(problem("finding", finding_id, "there is no such finding", fix))
    return found


def natural_experiments(surface: str) -> QuerySet[NaturalExperiment]:
    """Events of the past that were looked at, with what came of it, newest first."""
    return NaturalExperiment.objects.filter(surface__key=surface).select_related("finding")


def studies(*, surface: str = "") -> QuerySet[AblationStudy]:
    """Ablation studies, newest first."""
    found = AblationStudy.objects.select_related("surface", "finding").prefetch_related("approvals")
    return found.filter(surface__key=surface) if surface else found


def study(key: str) -> AblationStudy:
    """One study, or NotFound."""
    found = studies().filter(key=key).first()
    if found is None:
        fix = "Studies are listed on the page Studies."
        raise NotFound(problem("study", key, "there is no ablation study with this key", fix))
    return found


def value_model(surface: str) -> ValueModel | None:
    """The newest value model of a surface."""
    return ValueModel.objects.filter(surface__key=surface).order_by("-number").first()


def value_models(surface: str) -> QuerySet[ValueModel]:
    return ValueModel.objects.filter(surface__key=surface).order_by("-number")


def ratios(surface: str = "") -> QuerySet[Ratio]:
    """All versions, newest first."""
    found = Ratio.objects.select_related("surface", "value_model")
    return found.filter(surface__key=surface) if surface else found


def ratio(surface: str, number: int) -> Ratio:
    """One version, or NotFound."""
    found = ratios(surface).filter(number=number).first()
    if found is None:
        raise NotFound(problem("number", number, f"{surface} has no such ratio"))
    return found


def current_ratio(surface: str, *, today: date) -> Ratio | None:
    """The ratio that holds today: published and not past its date (invariant: an expired one never shows)."""
    return ratios(surface).filter(state=RatioState.CURRENT, valid_until__gte=today).first()


def current_ratios(*, today: date) -> QuerySet[Ratio]:
    """What holds today, on every surface."""
    return ratios().filter(state=RatioState.CURRENT, valid_until__gte=today).order_by("surface__key")


def draft_ratio(surface: str) -> Ratio | None:
    return ratios(surface).filter(state=RatioState.DRAFT).first()


def as_value(model: ValueModel) -> pricing.Value:
    """The value model as the arithmetic takes it."""
    return pricing.Value(
        currency=model.currency,
        revenue_minor=model.revenue_minor,
        revenue_error=model.revenue_error,
        surface_share=model.surface_share,
        share_error=model.share_error,
        link=model.link,
        link_error=model.link_error,
    )


def surface_name(key: str) -> str:
    """The surface's name, or NotFound."""
    return organisation.surface(key).name
