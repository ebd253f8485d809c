"""Where code names flags: scans judged, references read. The hash of a line is kept, never the line."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from flags.models import CodeReference, CodeRepository, Flag
from ledger.refusals import Problem, Refused, problem, raise_if_any

MOST_REFERENCES = 10_000
MOST_PROBLEMS = 20
FIELDS = ("flag", "path", "line", "snippet_hash")
_HASH = re.compile(r"[0-9a-f]{64}")
_FLAG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Found:
    """One line that names a flag."""

    flag: str
    path: str
    line: int
    snippet_hash: str


@dataclass(frozen=True, slots=True)
class Named:
    """One reference for people. `link` is empty when nobody said where the repository can be read."""

    repository: str
    path: str
    line: int
    link: str
    reference: CodeReference


def read_references(rows: Sequence[Any]) -> tuple[Found, ...]:
    """What a scan found. Raises Refused with the first problems."""
    if len(rows) > MOST_REFERENCES:
        fix = f"At most {MOST_REFERENCES:,} are possible; scan folders as repositories of their own."
        raise Refused(problem("references", len(rows), "these are too many references", fix))
    problems: list[Problem] = []
    for index, row in enumerate(rows):
        problems += _problems(f"references[{index}]", row)
        if len(problems) >= MOST_PROBLEMS:
            break
    raise_if_any(problems)
    unique = {(row["path"], row["line"], row["flag"]): Found(**row) for row in rows}
    return tuple(unique.values())


def check_link(link: str) -> None:
    """Raise Refused unless the link leads to a web page and says where the path goes."""
    if not link:
        return
    fix = "For example https://code.example.com/shop/blob/{commit}/{path}#L{line}."
    try:
        is_web = urlsplit(link).scheme in {"http", "https"} and bool(urlsplit(link).hostname)
    except ValueError:
        is_web = False
    if not is_web or len(link) > 500:
        raise Refused(problem("link", link, "this is no address of a web page", fix))
    if "{path}" not in link:
        raise Refused(problem("link", link, "it does not say where the path stands", fix))


def of_flag(key: str) -> list[Named]:
    """Every line that names the flag."""
    rows = CodeReference.objects.filter(flag_key=key).select_related("repository")
    return [_named(row) for row in rows]


def unknown() -> list[Named]:
    """Lines that ask for a flag that does not exist."""
    known = Flag.objects.values("key")
    rows = CodeReference.objects.exclude(flag_key__in=known).select_related("repository")
    return [_named(row) for row in rows.order_by("flag_key", "repository__name", "path", "line")]


def archived() -> list[Named]:
    """Lines that ask for a flag in the archive: they get the default written in them."""
    gone = Flag.objects.filter(archived_at__isnull=False).values("key")
    rows = CodeReference.objects.filter(flag_key__in=gone).select_related("repository")
    return [_named(row) for row in rows.order_by("flag_key", "repository__name", "path", "line")]


def unreferenced() -> list[Flag]:
    """Flags that no scanned line names; empty while nothing has been scanned."""
    if not is_scanned():
        return []
    named = CodeReference.objects.values("flag_key")
    return list(Flag.objects.filter(archived_at__isnull=True).exclude(key__in=named))


def is_scanned() -> bool:
    """Whether anybody would know that a flag stands nowhere."""
    return CodeRepository.objects.exists()


def referenced_among(keys: Iterable[str]) -> set[str] | None:
    """Those of the flags that a scanned line names; None while nothing has been scanned."""
    if not is_scanned():
        return None
    return set(CodeReference.objects.filter(flag_key__in=list(keys)).values_list("flag_key", flat=True))


def repositories() -> list[CodeRepository]:
    return list(CodeRepository.objects.all())


def address(repository: CodeRepository, path: str, line: int) -> str:
    """Where the line can be read, empty when unknown."""
    if not repository.link:
        return ""
    parts = {"{commit}": repository.commit or "HEAD", "{path}": quote(path), "{line}": str(line)}
    text = repository.link
    for name, value in parts.items():
        text = text.replace(name, value)
    return text


def _named(row: CodeReference) -> Named:
    link = address(row.repository, row.path, row.line)
    return Named(row.repository.name, row.path, row.line, link, row)


def _problems(at: str, row: Any) -> list[Problem]:
    if not isinstance(row, Mapping) or set(row) != set(FIELDS):
        return [problem(at, row, "this is no reference", f"Give {', '.join(FIELDS)}.")]
    found = []
    if not isinstance(row["flag"], str) or not _FLAG.fullmatch(row["flag"]):
        found.append(
            problem(f"{at}.flag", row["flag"], "this is no key of a flag", "Give it as the code does.")
        )
    path = row["path"]
    if (
        not isinstance(path, str)
        or not 1 <= len(path) <= 500
        or path.startswith("/")
        or ".." in path.split("/")
    ):
        fix = "Give it from the top of the repository."
        found.append(problem(f"{at}.path", path, "this is no path of 1 to 500 characters inside it", fix))
    line = row["line"]
    if not isinstance(line, int) or isinstance(line, bool) or not 1 <= line <= 10_000_000:
        found.append(problem(f"{at}.line", line, "this is no number of a line", "Lines begin with 1."))
    if not isinstance(row["snippet_hash"], str) or not _HASH.fullmatch(row["snippet_hash"]):
        fix = "Give SHA-256 of the line without outer spaces, in small hexadecimal."
        found.append(problem(f"{at}.snippet_hash", row["snippet_hash"], "this is no hash", fix))
    return found
