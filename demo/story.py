"""The order of the demonstration, with a progress display; every step is left out where its work is done."""

from datetime import datetime

from django.utils import timezone

from demo import bandit, login, runs, setting_up, shop, summary
from demo.display import Display
from demo.memory import Memory
from demo.replay import ReplayFailed
from demo.sending import IngestRefused
from demo.setting_up import Keys
from demo.surroundings import Surroundings
from demo.waiting import TookTooLong

IMPRESSIONS = 60_000
CLICKS = 287
SESSIONS = 12_330


def tell(where: Surroundings, display: Display) -> int:
    """Do everything that is not done yet and show the verdicts. Returns the exit status."""
    memory = Memory(where.home)
    password = login.ensure(memory)
    try:
        keys = _prepare(display, memory)
        _load(where, display, keys)
        _analyse(display)
    except (IngestRefused, ReplayFailed, TookTooLong) as problem:
        display.print(f"[bold red]{problem}[/]")
        return 1
    summary.show(display, where, password)
    return 0


def _prepare(display: Display, memory: Memory) -> Keys:
    with display.step("environment, SDK keys, metrics, flag, surface"):
        now = timezone.now()
        setting_up.environment(now=now)
        setting_up.metrics(now=now)
        setting_up.flag(now=now)
        setting_up.surface(now=now)
        return setting_up.keys(memory, now=now)


def _load(where: Surroundings, display: Display, keys: Keys) -> None:
    campaigns = [name for name in bandit.CAMPAIGNS if not runs.is_done(bandit.experiment_key(name))]
    if campaigns:
        with display.step(
            "60,000 impressions through the HTTP ingest", total=IMPRESSIONS + CLICKS
        ) as advance:
            runs.send_recording(where, keys, advance)
    if not runs.is_done(shop.EXPERIMENT):
        runs.start_shop(now=timezone.now())
        with display.step("12,330 shop sessions through the SDK", total=SESSIONS) as advance:
            runs.replay_shop(where, keys, advance)


def _analyse(display: Display) -> None:
    """The worker does it; looks that were asked for are waited for one by one."""
    open_keys = [key for key in runs.KEYS if summary.is_missing(key)]
    if not open_keys:
        return
    with display.step("filed into the event store by the worker"):
        runs.wait_for_store()
    with display.step("analysed by the worker", total=len(open_keys)) as advance:
        cuts = {key: _asked(key) for key in open_keys}
        for key, cut in cuts.items():
            runs.wait_for_look(key, cut=cut)
            advance(1)
    if shop.EXPERIMENT in cuts:
        with display.step("harm confirmed: the guardrail monitor rolls back"):
            runs.wait_for_roll_back()


def _asked(key: str) -> datetime:
    for campaign in bandit.CAMPAIGNS:
        if key == bandit.experiment_key(campaign):
            runs.import_bandit(campaign, now=timezone.now())
    return runs.ask_for_look(key, now=timezone.now())
