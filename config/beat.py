"""Celery's scheduler with a sign of life at every tick: `beat --scheduler config.beat:Scheduler`."""

from typing import Any

from celery.beat import PersistentScheduler

from config import heartbeat


class Scheduler(PersistentScheduler):
    """Ticks at least every ten seconds, because the sweeper's entry is due that often."""

    def tick(self, *args: Any, **kwargs: Any) -> float:
        pause: float = super().tick(*args, **kwargs)
        heartbeat.show_life()
        return pause
