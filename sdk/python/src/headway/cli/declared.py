"""What reviewed files say an environment has to be: one file or a folder of them, checked for slips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from headway.cli.failures import Failed, suggestion, wrong
from headway.cli.reading import SUFFIXES, read_data
from headway.evaluation import flag_checking

SCHEMA = 1
SETTINGS = (
    "title",
    "owner",
    "backup",
    "team",
    "kind",
    "type",
    "unit_type",
    "expires_on",
    "is_client_side",
    "json_schema",
)
IDENTITY = ("type", "unit_type")
DEFINITION = tuple(sorted(flag_checking._FLAG - {"version", *IDENTITY}))
KNOWN: Mapping[str, tuple[str, ...]] = {
    "layers": ("unit_type",),
    "segments": ("title", "owner", "when"),
    "flags": (*SETTINGS, *DEFINITION),
}
TOP = ("schema", "environment", *KNOWN)
Objects = dict[str, dict[str, Any]]


class Declared(NamedTuple):
    """What the files say. `environment` is empty when none of them names one."""

    environment: str
    layers: Objects
    segments: Objects
    flags: Objects
    files: tuple[str, ...]

    def objects(self, kind: str) -> Objects:
        found: Objects = getattr(self, kind)
        return found


def read(paths: list[Path]) -> Declared:
    """All files together. Raises Failed with every slip of every file."""
    files = list(_files(paths))
    if not files:
        listed = ", ".join(map(str, paths))
        raise Failed(f"{listed}: there is no file that ends with {', '.join(SUFFIXES)}.")
    problems: list[str] = []
    environment, found = "", {kind: {} for kind in KNOWN}  # type: tuple[str, dict[str, Objects]]
    origin: dict[tuple[str, str], Path] = {}
    for path in files:
        content = read_data(path)
        problems += _slips(content, path)
        if not isinstance(content, dict):
            continue
        environment = _same_environment(environment, content, path, problems)
        for kind in KNOWN:
            _collect(kind, content, path, found[kind], origin, problems)
    if problems:
        raise Failed(*problems)
    names = tuple(map(str, files))
    return Declared(environment, found["layers"], found["segments"], found["flags"], names)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if str(path) != "-" and path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file())
        else:
            yield path


def _slips(content: Any, path: Path) -> Iterator[str]:
    if not isinstance(content, dict):
        yield f"{path}: the file has to be a mapping with flags, segments or layers."
        return
    for name in content:
        if name not in TOP:
            yield f"{path}: {wrong(str(name), '…', 'there is no such section', suggestion(name, list(TOP)))}"
    if content.get("schema") != SCHEMA:
        found = content.get("schema")
        yield f"{path}: {wrong('schema', found, 'this is no format we know', 'Write schema: 1.')}"


def _same_environment(known: str, content: dict[str, Any], path: Path, problems: list[str]) -> str:
    named = content.get("environment", "")
    if not isinstance(named, str):
        problems.append(f"{path}: {wrong('environment', named, 'this is no key of an environment')}")
        return known
    if known and named and known != named:
        fix = "Keep each environment in a folder of its own."
        problems.append(f"{path}: {wrong('environment', named, f'other files are about {known}', fix)}")
    return known or named


def _collect(
    kind: str,
    content: dict[str, Any],
    path: Path,
    found: Objects,
    origin: dict[tuple[str, str], Path],
    problems: list[str],
) -> None:
    section = content.get(kind)
    if section is None:
        return
    if not isinstance(section, dict):
        problems.append(f"{path}: {wrong(kind, section, 'this has to be a mapping by key')}")
        return
    for key, entry in section.items():
        if (kind, key) in origin:
            problems.append(f"{path}: {kind}.{key} stands in {origin[kind, key]} already.")
            continue
        origin[kind, key] = path
        problems += _of_entry(kind, key, entry, path)
        found[key] = entry if isinstance(entry, dict) else {}


def _of_entry(kind: str, key: str, entry: Any, path: Path) -> Iterator[str]:
    place = f"{path}: {kind}.{key}"
    if not isinstance(entry, dict):
        yield f"{path}: {wrong(f'{kind}.{key}', entry, 'this has to be a mapping')}"
        return
    for name in entry:
        if name not in KNOWN[kind]:
            fix = suggestion(name, list(KNOWN[kind]))
            yield f"{place}.{name} = …: there is no such field. {fix}"
    if kind == "segments" and not isinstance(entry.get("when"), dict):
        yield f"{place}.when = {entry.get('when')!r}: this is no condition. For example {{segment: staff}}."
    if kind == "flags" and not isinstance(entry.get("variants"), dict):
        fix = 'For example {"on": true, "off": false}.'
        yield f"{place}.variants = {entry.get('variants')!r}: this is no mapping of names to values. {fix}"
