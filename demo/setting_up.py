"""What an owner would prepare by hand: a place, keys, metrics, a flag, plans. Everything once, in any state.

Each step adds what is missing, so that an interrupted run goes on where it stopped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from demo import plans, shop
from demo.memory import Memory
from experiments import queries as experiment_queries
from experiments import services as experiment_services
from flags import queries as flag_queries
from flags import services as flag_services
from metrics import services as metric_services
from metrics.parsing import decode
from organisation import queries as organisation
from organisation import services as organisation_services

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """Whole texts of the SDK keys. Both may send history, because the data are of the past."""

    recordings: str
    shop: str


def environment(*, now: datetime) -> None:
    if not flag_queries.environments().filter(key=plans.ENVIRONMENT).exists():
        flag_services.create_environment(
            key=plans.ENVIRONMENT, actor=plans.OWNER, now=now, is_production=True
        )


def keys(memory: Memory, *, now: datetime) -> Keys:
    """The remembered keys, or new ones where they do not work any more."""
    return Keys(
        recordings=_key(memory, "recordings", "ingest", now),
        shop=_key(memory, "shop", "server", now),
    )


def _key(memory: Memory, name: str, scope: str, now: datetime) -> str:
    remembered = memory.recall(f"key of {name}")
    if remembered and flag_queries.key_by_secret(remembered, now=now):
        return remembered
    _, secret = flag_services.create_key(
        environment=plans.ENVIRONMENT,
        name=f"demo {name}",
        scope=scope,
        accepts_history=True,
        actor=plans.OWNER,
        now=now,
    )
    memory.keep(f"key of {name}", secret)
    return secret


def metrics(*, now: datetime) -> None:
    """Load the definitions; unchanged ones make no new version."""
    files = sorted(plans.METRICS.glob("*.toml"))
    texts = {file.name: decode(file.read_bytes(), file=file.name) for file in files}
    metric_services.load_definitions(texts=texts, actor=plans.OWNER, now=now)


def flag(*, now: datetime) -> None:
    if not flag_queries.flags().filter(key=shop.FLAG).exists():
        flag_services.create_flag(
            key=shop.FLAG,
            value_type="string",
            title="Recommendations on the home page",
            owner=plans.OWNER,
            kind="experiment",
            unit_type=shop.UNIT_TYPE,
            actor=plans.OWNER,
            now=now,
        )


def surface(*, now: datetime) -> None:
    """A team and the home page, so that pages of impact have something to be about. What the page brings in
    is nowhere in the data, so nothing is said of money."""
    by: dict[str, Any] = {"actor": plans.OWNER, "now": now}
    if not organisation.teams().filter(key=plans.TEAM).exists():
        organisation_services.create_team(key=plans.TEAM, name="Shop", owner=plans.OWNER, **by)
    if not organisation.surfaces().filter(key=plans.SURFACE).exists():
        organisation_services.create_surface(
            key=plans.SURFACE, name="Home page", team=plans.TEAM, owner=plans.OWNER, **by
        )


@transaction.atomic
def plan(key: str, content: Content, bindings: Iterable[Content], *, now: datetime) -> None:
    """The experiment as a complete draft, unless it is there."""
    if experiment_queries.experiments().filter(key=key).exists():
        return
    experiment_services.create(key=key, content=content, actor=plans.OWNER, now=now)
    for binding in bindings:
        experiment_services.bind_metric(key=key, content=binding, actor=plans.OWNER, now=now)
