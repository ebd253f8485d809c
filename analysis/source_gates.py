"""An experiment that names a source starts only when that can answer its plan. Registered when ready."""

from collections.abc import Iterator

from analysis import source_queries
from analysis.sources import fitting
from experiments import queries as experiments
from flags import gates
from flags.gates import Finding, Subject
from ledger.refusals import NotFound


def register() -> None:
    gates.register("experiment.start", source_fits)


def source_fits(subject: Subject) -> Iterator[Finding]:
    """The source exists, was tested in its current version, and has what the metrics and slices need."""
    if not subject.experiment:
        return
    owner = experiments.experiment(subject.experiment)
    planned = experiments.candidate(owner, experiments.newest_version(owner))
    if not planned.source:
        return
    try:
        version = source_queries.source(planned.source)
    except NotFound as missing:
        yield Finding(
            "source", missing.problems[0].reason, missing.problems[0].fix, {"source": planned.source}
        )
        return
    test = source_queries.last_test(version)
    if test is None or not test.is_ok:
        state = "has problems" if test else "was not tested"
        title = f'source "{planned.source}" {state} in version {version.number}'
        yield Finding("source_test", title, "Test it on the page Sources.", {"version": version.number})
    for problem in fitting.problems(version.definition, planned):
        yield Finding("source_fit", problem.reason, problem.fix, {problem.field: problem.value})
