"""Environments for flow tests: each file works in its own, so that no test sees another's events."""

from django.utils import timezone

from flags import queries, services


def environment(key: str) -> str:
    """The key of an environment that exists afterwards."""
    if not queries.environments().filter(key=key).exists():
        services.create_environment(key=key, actor="rosa", now=timezone.now())
    return key
