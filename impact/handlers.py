"""Which function does which job. The work itself is imported when a job comes, in worker processes only."""

from ledger import jobs
from ledger.jobs import RunningJob


@jobs.handler("impact.mine")
def mine(job: RunningJob) -> None:
    from impact.services import mining

    mining.mine(job)


@jobs.handler("impact.keep")
def keep(job: RunningJob) -> None:
    from impact.services import keeping

    keeping.keep(job)


@jobs.handler("impact.follow")
def follow(job: RunningJob) -> None:
    from impact.services import following

    following.follow(job)
