"""Design documents read: the newest of an experiment or a flag, and what its section on performance lacks."""

from dataclasses import dataclass

from django.db.models import QuerySet

from governance import performance_section
from governance.models import DesignDocument
from governance.performance_section import Finding
from ledger.refusals import NotFound, problem


@dataclass(frozen=True, slots=True)
class Checked:
    """What a launch review needs to know. `state` is `missing` (no document), `link only` (its text is
    elsewhere, so nobody checked it), `incomplete` or `pass`; `findings` say what to write."""

    state: str
    document: DesignDocument | None
    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if not each.is_there)

    @property
    def sentence(self) -> str:
        if self.state == "missing":
            return "No design document is registered."
        if self.state == "link only":
            return "The design document is a link: paste its Markdown so that it can be checked."
        if self.state == "pass":
            return "The design document's section on performance is complete."
        return f"The section on performance lacks: {', '.join(each.words for each in self.missing)}."


def findings(experiment: str = "", flag: str = "") -> Checked:
    """The newest document of an experiment, or of the flag, judged. Give one of the two, or both: the
    experiment's own comes first."""
    found = latest(experiment=experiment) if experiment else None
    if found is None and flag:
        found = latest(flag=flag)
    return checked(found)


def checked(document: DesignDocument | None) -> Checked:
    if document is None:
        return Checked("missing", None, ())
    if not document.text.strip():
        return Checked("link only", document, ())
    parts = tuple(performance_section.check(document.text))
    return Checked("pass" if all(each.is_there for each in parts) else "incomplete", document, parts)


def latest(*, experiment: str = "", flag: str = "") -> DesignDocument | None:
    """The newest version."""
    return versions(experiment=experiment, flag=flag).first()


def versions(*, experiment: str = "", flag: str = "") -> QuerySet[DesignDocument]:
    """All versions of one thing's document, newest first."""
    found = DesignDocument.objects.order_by("-number")
    return found.filter(experiment__key=experiment) if experiment else found.filter(flag=flag)


def documents() -> QuerySet[DesignDocument]:
    """The newest version of every document, newest first."""
    newest = DesignDocument.objects.order_by("experiment_id", "flag", "-number")
    ids = newest.distinct("experiment_id", "flag").values("id")
    return DesignDocument.objects.filter(id__in=ids)


def document(document_id: int) -> DesignDocument:
    """One version, or NotFound."""
    found = DesignDocument.objects.filter(id=document_id).first()
    if found is None:
        fix = "Documents are listed on the page Design documents."
        raise NotFound(problem("document", document_id, "there is no such design document", fix))
    return found
