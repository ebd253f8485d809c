"""Which function does which job. The work itself is imported when a job comes, in worker processes only."""

from ledger import jobs
from ledger.jobs import RunningJob


@jobs.handler("outbound.deliver")
def deliver(job: RunningJob) -> None:
    from governance.services import delivering

    delivering.deliver(job)


@jobs.handler("incident.open")
def open_incident(job: RunningJob) -> None:
    from governance.services import opening

    opening.open_for_trip(job)


@jobs.handler("incident.gather")
def gather_evidence(job: RunningJob) -> None:
    from governance.services import gathering

    gathering.gather(job)


@jobs.handler("incident.backtest")
def backtest(job: RunningJob) -> None:
    from governance.services import backtesting

    backtesting.backtest_guardrail(job)


@jobs.handler("person.mail")
def mail(job: RunningJob) -> None:
    from governance.services import mailing

    mailing.send(job)
