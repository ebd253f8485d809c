"""Which function does which job. The work itself is imported when a job comes, in worker processes only."""

from ledger import jobs
from ledger.jobs import RunningJob


@jobs.handler("analysis.interaction")
def interaction(job: RunningJob) -> None:
    from analysis.services import interacting

    interacting.estimate(job)


@jobs.handler("analysis.look")
def look(job: RunningJob) -> None:
    from analysis.services import looking

    looking.look(job)


@jobs.handler("analysis.resplit")
def resplit(job: RunningJob) -> None:
    from analysis.services import resplitting

    resplitting.resplit(job)


@jobs.handler("analysis.source_test")
def test_source(job: RunningJob) -> None:
    from analysis.services import source_testing

    source_testing.look_at(job)


@jobs.handler("analysis.trip")
def act_on_trip(job: RunningJob) -> None:
    from analysis.services import tripping

    tripping.act(job)
