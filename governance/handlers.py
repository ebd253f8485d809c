"""Which function does which job. The work itself is imported when a job comes, in worker processes only."""

from ledger import jobs
from ledger.jobs import RunningJob


@jobs.handler("outbound.deliver")
def deliver(job: RunningJob) -> None:
    from governance.services import delivering

    delivering.deliver(job)
