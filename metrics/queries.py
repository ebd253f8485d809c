"""Reads of metrics and their versions."""

from collections.abc import Iterable, Iterator

from django.db.models import Q, QuerySet
from django.urls import reverse

from ledger.refusals import NotFound, problem
from metrics.models import Metric, MetricVersion
from metrics.reading import meant
from organisation.ownership import Owned


def metrics(*, search: str = "", tier: str = "") -> QuerySet[Metric]:
    """Metrics by key, with their current version; `search` looks into key, title and owner."""
    found = Metric.objects.filter(current__isnull=False).select_related("current").order_by("key")
    if search:
        words = search.replace("\0", "")
        title, owner = Q(current__content__title__icontains=words), Q(current__content__owner=words)
        found = found.filter(Q(key__icontains=words) | title | owner)
    return found.filter(current__content__tier=tier.replace("\0", "")) if tier else found


def metric(key: str) -> Metric:
    """The metric with its current version, or NotFound."""
    found = metrics().filter(key=key).first()
    if found is None:
        keys = Metric.objects.values_list("key", flat=True)
        fix = f"{meant(key, keys)}Metrics are listed on the page Metrics."
        raise NotFound(problem("metric", key, "there is no metric with this key", fix))
    return found


def version(key: str, number: int | None = None) -> MetricVersion:
    """One version of a metric, the newest without a number. Raises NotFound."""
    owner = metric(key)
    found = owner.current if number is None else owner.versions.filter(number=number).first()
    if found is None:
        newest = owner.versions.count()
        fix = f"Its versions are 1 to {newest}."
        raise NotFound(problem("version", number, f'the metric "{key}" has no such version', fix))
    return found


def versions(key: str) -> QuerySet[MetricVersion]:
    """All versions of a metric, newest first. Raises NotFound."""
    return metric(key).versions.order_by("-number")


def by_ids(ids: Iterable[int]) -> dict[int, MetricVersion]:
    """Metric versions by their ids; ids that do not exist are left out."""
    return MetricVersion.objects.in_bulk(list(ids))


def newest_numbers(keys: Iterable[str]) -> dict[str, int]:
    """Key → number of the newest version, for those of the metrics that exist."""
    return dict(metrics().filter(key__in=list(keys)).values_list("key", "current__number"))


def titles() -> dict[str, str]:
    """Key → current title of every metric."""
    return dict(metrics().values_list("key", "current__content__title"))


def owned() -> Iterator[Owned]:
    """Every metric with who answers for it."""
    for found in metrics():
        content = found.current.content if found.current else {}
        address = reverse("metric", kwargs={"key": found.key})
        backup = content.get("backup_owner") or ""
        yield Owned("metric", found.key, content["title"], content["owner"], backup, address)
