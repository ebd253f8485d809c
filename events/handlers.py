"""Which function does which job. The work itself is imported when a job comes, in worker processes only."""

from ledger import jobs
from ledger.jobs import RunningJob


@jobs.handler("events.erase")
def erase(job: RunningJob) -> None:
    from events.services import erasing

    erasing.erase(job)
