"""Registering design documents. Each registration is a new version, and no version changes."""

import hashlib
from datetime import datetime

from django.db import transaction

from events.labels import is_address
from experiments import queries as experiments
from flags import queries as flags
from governance import documents, performance_section
from governance.models import DesignDocument
from governance.services.access import check_may_work
from ledger import audit
from ledger.refusals import Problem, problem, raise_if_any

LONGEST_TEXT = 200_000
LONGEST_TITLE = 200


@transaction.atomic
def register_document(
    *,
    title: str,
    actor: str,
    now: datetime,
    experiment: str = "",
    flag: str = "",
    link: str = "",
    text: str = "",
) -> DesignDocument:
    """A link, Markdown, or both, for one experiment or one flag. Raises Refused with everything wrong."""
    check_may_work(actor)
    raise_if_any(_problems(title, experiment, flag, link, text))
    owner = experiments.experiment(experiment).key if experiment else None
    subject = f"experiment:{owner}" if owner else f"flag:{flags.flag(flag).key}"
    before = documents.latest(experiment=experiment, flag=flag)
    made = DesignDocument.objects.create(
        experiment_id=owner,
        flag=flag,
        number=1 if before is None else before.number + 1,
        title=" ".join(title.split()),
        link=link.strip(),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest() if text else "",
        registered_by=actor,
        registered_at=now,
    )
    missing = [each.key for each in performance_section.check(text) if not each.is_there]
    facts = {"number": made.number, "title": made.title, "link": made.link, "sha256": made.sha256}
    audit.record(
        now=now,
        actor=actor,
        action="design_document.registered",
        subject=subject,
        after={**facts, "missing": missing},
    )
    return made


def _problems(title: str, experiment: str, flag: str, link: str, text: str) -> list[Problem]:
    found = []
    if not title.strip() or len(title) > LONGEST_TITLE:
        found.append(problem("title", title, f"a title has 1 to {LONGEST_TITLE} characters", "Name it."))
    if bool(experiment) == bool(flag):
        fix = "Name an experiment or a flag."
        found.append(problem("experiment", experiment, "a document is about one of the two", fix))
    if not link.strip() and not text.strip():
        fix = "Paste the Markdown, or give a link."
        found.append(problem("text", "", "there is neither text nor link", fix))
    if len(text) > LONGEST_TEXT or "\0" in text:
        found.append(problem("text", text, f"a text has up to {LONGEST_TEXT} characters", "Register a link."))
    if link.strip() and not is_address(link.strip()):
        found.append(problem("link", link, "this is not the address of a page", "It begins with https://."))
    return found
