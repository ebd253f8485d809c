"""The clock: what it starts exists, does not pile up, and is listened to."""

import logging

import pytest
from celery.schedules import crontab

from config import celery
from config.embedded import programs

ENTRIES = celery.app.conf.beat_schedule


@pytest.mark.parametrize("name", ENTRIES)
def test_entry__task__exists(name):
    celery.app.autodiscover_tasks(force=True)

    assert ENTRIES[name]["task"] in celery.app.tasks


def period_s(schedule):
    """Seconds between two ticks; of a time of the day or hour, by the hours it names."""
    if isinstance(schedule, crontab):
        return 86_400 / len(schedule.hour)
    return schedule


@pytest.mark.parametrize("name", ENTRIES)
def test_entry__tick__gone_before_the_next_one(name):
    schedule, expires = ENTRIES[name]["schedule"], ENTRIES[name]["options"]["expires"]

    assert 0 < expires <= period_s(schedule)
    assert isinstance(schedule, crontab) or expires == schedule


@pytest.mark.parametrize("name", ENTRIES)
def test_entry__queue__has_a_worker(name):
    assert ENTRIES[name]["options"]["queue"] in programs.QUEUES.split(",")


def test_settings__task_at_its_limit__never_delivered_twice():
    conf = celery.app.conf

    assert conf.task_time_limit < conf.broker_transport_options["visibility_timeout"]
    assert conf.worker_prefetch_multiplier == 1
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost


def record(level, task):
    about = {"name": task, "id": "1", "runtime": 0.1, "return_value": None}
    return logging.LogRecord("celery.app.trace", level, "", 0, "Task %(name)s", (about,), None)


@pytest.mark.parametrize(
    ("level", "task", "is_shown"),
    [
        (logging.INFO, "ledger.tasks.sweep", False),
        (logging.ERROR, "ledger.tasks.sweep", True),
        (logging.INFO, "ledger.tasks.run_job", True),
    ],
)
def test_log__ticks_that_went_well__left_out(level, task, is_shown):
    assert celery._is_news(record(level, task)) is is_shown
