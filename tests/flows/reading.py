"""Reports as a reader outside the platform gets them: over the API, with a key that may only read."""

from typing import Any

from django.utils import timezone

from flags import services
from tests.flows.calling import Api
from tests.platform import Platform


def reader(platform: Platform) -> Api:
    """The API with a key of scope read."""
    _, secret = services.create_key(
        environment="production", name="reader", scope="read", actor="rosa", now=timezone.now()
    )
    return Api(platform.web_url, secret)


def newest_report(api: Api, experiment: str) -> dict[str, Any]:
    """The JSON behind the newest report of an experiment."""
    status, document = api.get(f"experiments/{experiment}/report")
    assert status == 200, document
    return document


def row_of(report: dict[str, Any], metric: str) -> dict[str, Any]:
    """One metric's row."""
    [row] = [row for row in report["results"] if row["metric"] == metric]
    return dict(row)
