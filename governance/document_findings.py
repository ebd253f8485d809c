"""What launch reviews are told of design documents: pass, or what the section on performance lacks."""

from collections.abc import Iterator

from governance import documents, reviewing
from governance.reviewing import Finding, Severity

TEMPLATE = "Register one under Design documents; the template has the four lines it needs."
PASTE = "Paste its Markdown in a new version."


def of_launch(experiment: str, flag: str, environment: str) -> Iterator[Finding]:
    """One finding. A missing or incomplete document warns: the reviewer weighs it."""
    found = documents.findings(experiment, flag)
    evidence = (
        {} if found.document is None else {"document": found.document.id, "title": found.document.title}
    )
    if found.state == "pass":
        yield Finding("design-document", Severity.NOTE, found.sentence, evidence=evidence)
        return
    fixes = {"missing": TEMPLATE, "link only": PASTE}
    fix = fixes.get(found.state) or " ".join(each.fix for each in found.missing)
    missing = [each.key for each in found.missing]
    yield Finding("design-document", Severity.WARNING, found.sentence, fix, {**evidence, "missing": missing})


def register() -> None:
    """Called when the app is ready."""
    reviewing.register(of_launch)
