"""Celery: PostgreSQL job rows are the truth, Redis only wakes workers, and the only beat table stands here.

The settings are the ones under which no job was lost when workers, children or Redis were killed; the
defaults lose work. `docs/explanation/jobs.md` says why each one is set.
"""

import logging
import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import after_setup_logger, heartbeat_sent, worker_init, worker_ready

from config import broker, heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

VISIBILITY_TIMEOUT_S = 120
TASK_TIME_LIMIT_S = 110

app = Celery("headway")
app.conf.update(
    broker_url=os.environ.get("REDIS_URL", ""),
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    task_time_limit=TASK_TIME_LIMIT_S,
    task_soft_time_limit=TASK_TIME_LIMIT_S - 10,
    worker_max_tasks_per_child=500,
    worker_max_memory_per_child=1_500_000,
    worker_soft_shutdown_timeout=10,
    worker_eta_task_limit=100,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    },
    task_default_queue="housekeeping",
    task_create_missing_queues=True,
    timezone="UTC",
)
app.autodiscover_tasks()

app.conf.beat_schedule = {
    "sweep-jobs": {
        "task": "ledger.tasks.sweep",
        "schedule": 10.0,
        "options": {"queue": "housekeeping", "expires": 10},
    },
    "compact-events": {
        "task": "events.tasks.compact",
        "schedule": 10.0,
        "options": {"queue": "ingest", "expires": 10},
    },
    "schedule-looks": {
        "task": "analysis.tasks.schedule_looks",
        "schedule": 300.0,
        "options": {"queue": "analysis", "expires": 300},
    },
    "spread-news": {
        "task": "governance.tasks.spread_news",
        "schedule": 10.0,
        "options": {"queue": "notify", "expires": 10},
    },
    "follow-trips": {
        "task": "governance.tasks.follow_trips",
        "schedule": 10.0,
        "options": {"queue": "notify", "expires": 10},
    },
    "remind-overdue": {
        "task": "governance.tasks.remind_overdue",
        "schedule": 3600.0,
        "options": {"queue": "notify", "expires": 3600},
    },
    "make-digest": {
        "task": "governance.tasks.make_digest",
        "schedule": crontab(minute=0),
        "options": {"queue": "notify", "expires": 3600},
    },
    "watch-reviews": {
        "task": "governance.tasks.watch_reviews",
        "schedule": 30.0,
        "options": {"queue": "notify", "expires": 30},
    },
    "expire-waivers": {
        "task": "governance.tasks.expire_waivers",
        "schedule": 3600.0,
        "options": {"queue": "housekeeping", "expires": 3600},
    },
    "verify-audit": {
        "task": "ledger.tasks.verify_audit",
        "schedule": crontab(hour=2, minute=50),
        "options": {"queue": "housekeeping", "expires": 6 * 3600},
    },
    "run-schedule": {
        "task": "experiments.tasks.run_schedule",
        "schedule": 60.0,
        "options": {"queue": "ramp", "expires": 60},
    },
    "move-experiment-ramps": {
        "task": "experiments.tasks.ramp_tick",
        "schedule": 60.0,
        "options": {"queue": "ramp", "expires": 60},
    },
    "expire-changes": {
        "task": "experiments.tasks.expire_changes",
        "schedule": 3600.0,
        "options": {"queue": "housekeeping", "expires": 3600},
    },
    "run-scheduled-changes": {
        "task": "flags.tasks.schedule_tick",
        "schedule": 60.0,
        "options": {"queue": "ramp", "expires": 60},
    },
    "resplit-live-traffic": {
        "task": "analysis.tasks.resplit_live_traffic",
        "schedule": crontab(hour=2, minute=20),
        "options": {"queue": "analysis", "expires": 6 * 3600},
    },
    "forget-rollups": {
        "task": "analysis.tasks.forget_rollups",
        "schedule": crontab(hour=3, minute=10),
        "options": {"queue": "analysis", "expires": 6 * 3600},
    },
    "drop-old-events": {
        "task": "events.tasks.drop_old",
        "schedule": crontab(hour=3, minute=40),
        "options": {"queue": "housekeeping", "expires": 6 * 3600},
    },
    "watch-studies": {
        "task": "impact.tasks.watch_studies",
        "schedule": 60.0,
        "options": {"queue": "ramp", "expires": 60},
    },
    "mine-history": {
        "task": "impact.tasks.mine_history",
        "schedule": 3600.0,
        "options": {"queue": "analysis", "expires": 3600},
    },
    "expire-ratios": {
        "task": "impact.tasks.expire_ratios",
        "schedule": 3600.0,
        "options": {"queue": "housekeeping", "expires": 3600},
    },
    "move-ramps": {
        "task": "flags.tasks.ramp_tick",
        "schedule": 60.0,
        "options": {"queue": "ramp", "expires": 60},
    },
}


@worker_init.connect
def _check_broker(**about: Any) -> None:
    broker.refuse_eviction(app.conf.broker_url)


@worker_ready.connect
def _begin_to_show_life(**about: Any) -> None:
    """Its heart beats before its processes are up; asked to stop then, Celery breaks off with an error."""
    heartbeat_sent.connect(_show_life)
    heartbeat.show_life()


def _show_life(**about: Any) -> None:
    heartbeat.show_life()


@after_setup_logger.connect
def _leave_out_ticks(**about: Any) -> None:
    """Ten seconds after ten seconds of the clock would hide what is worth reading."""
    for name in ("celery.beat", "celery.worker.strategy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    ticks = {entry["task"] for entry in app.conf.beat_schedule.values()}
    about = record.args if isinstance(record.args, dict) else {}
    return record.levelno > logging.INFO or about.get("name") not in ticks
