"""The demonstration's four runs, each as far as it is not done yet: data in, run recorded, look, verdict.

What was done is read from the platform: a stopped experiment has its data and its final look. Sending data
again changes nothing, so that an interrupted run is simply done once more.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from analysis import queries as analysis_queries
from analysis import services as analysis_services
from demo import bandit, plans, replay, sending, setting_up, shop
from demo.setting_up import Keys
from demo.surroundings import Surroundings
from demo.waiting import wait_for
from events import queries as event_queries
from events.tasks import compact
from experiments import queries as experiment_queries
from experiments import services as experiment_services
from experiments.lifecycle import State

KEYS = (shop.EXPERIMENT, *map(bandit.experiment_key, bandit.CAMPAIGNS))
RECORDING = "open-bandit"
REPLAYED_UP_TO = timedelta(hours=1)
"""The replayed sessions end this long before now, so that the last visit is over when the look reads it."""

IMPORTED = "Import of a finished experiment: the recorded impressions and clicks carry their own times."
REPLAYED = "Replay of recorded shop sessions: the SDK's clock shows the times of the recording."
FILED_WITHIN_S = 180
ANALYSED_WITHIN_S = 180
ROLLED_BACK_WITHIN_S = 60

Advance = Callable[[int], None]


def is_done(key: str) -> bool:
    """Whether the run has stopped, which is its last step."""
    found = experiment_queries.experiments().filter(key=key).first()
    return found is not None and found.lifecycle_state not in {State.DRAFT, State.RUNNING}


def send_recording(where: Surroundings, keys: Keys, advance: Advance) -> sending.Totals:
    """All impressions and clicks of the three campaigns, through the HTTP ingest."""
    return sending.send(
        bandit.events(), url=where.edge_url, key=keys.recordings, recording=RECORDING, progress=advance
    )


def import_bandit(campaign: str, *, now: datetime) -> None:
    """Record the run of one campaign with its true times."""
    key = bandit.experiment_key(campaign)
    if is_done(key):
        return
    setting_up.plan(key, plans.bandit_plan(campaign), plans.BANDIT_METRICS, now=now)
    if _state(key) is State.DRAFT:
        experiment_services.start(
            key=key, actor=plans.OWNER, now=now, began_at=bandit.STARTED_AT, reason=IMPORTED
        )
    experiment_services.stop(key=key, actor=plans.OWNER, now=now, ended_at=bandit.STOPPED_AT, reason=IMPORTED)


def start_shop(*, now: datetime) -> None:
    """Let the flag assign, for a run that began fourteen days before its end an hour ago."""
    setting_up.plan(shop.EXPERIMENT, plans.shop_plan(), plans.SHOP_METRICS, now=now)
    if _state(shop.EXPERIMENT) is State.DRAFT:
        began_at = now - REPLAYED_UP_TO - timedelta(days=shop.DAYS)
        experiment_services.start(
            key=shop.EXPERIMENT, actor=plans.OWNER, now=now, began_at=began_at, reason=REPLAYED
        )


def replay_shop(where: Surroundings, keys: Keys, advance: Advance) -> None:
    """Every session through the SDK; an interrupted replay goes on with the same times."""
    plan = experiment_queries.plan(shop.EXPERIMENT)
    until = plan.started_at + timedelta(days=shop.DAYS) if plan.started_at else timezone.now()
    replay.replay(url=where.edge_url, key=keys.shop, until=until, advance=advance)


def wait_for_store() -> None:
    """Until the worker has filed what was sent; it is woken before its time. Raises TookTooLong."""
    compact.apply_async(queue="ingest")
    sent_at = timezone.now()
    wait_for(
        lambda: not event_queries.waiting_batches(plans.ENVIRONMENT, received_until=sent_at),
        what="Filing the events",
        within_s=FILED_WITHIN_S,
        look_at="The page Events shows what waits, worker.log in .headway/logs what was said.",
    )


def ask_for_look(key: str, *, now: datetime) -> datetime:
    """Ask the worker to analyse the run; returns the data cut of the look."""
    job = analysis_services.request_look(experiment=key, trigger="manual", actor=plans.OWNER, now=now)
    return datetime.fromisoformat(job.payload["cut"])


def wait_for_look(key: str, *, cut: datetime) -> None:
    """Until the look at data up to `cut` is stored. Raises TookTooLong."""
    wait_for(
        lambda: analysis_queries.last_cut(key) == cut,
        what=f"The analysis of {key}",
        within_s=ANALYSED_WITHIN_S,
        look_at="The page Watch > Jobs shows what became of it, worker.log in .headway/logs what was said.",
    )


def wait_for_roll_back() -> None:
    """Until the guardrail monitor has ended the run, as confirmed harm makes it. Raises TookTooLong."""
    wait_for(
        lambda: is_done(shop.EXPERIMENT),
        what="The automatic roll back of the shop's experiment",
        within_s=ROLLED_BACK_WITHIN_S,
        look_at="Its report shows what the guardrail said, the page Watch > Jobs what became of the trip.",
    )


def _state(key: str) -> State:
    return experiment_queries.experiment(key).lifecycle_state
