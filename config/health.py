"""Health checks: may this process take requests?

The console works without Redis (wake-ups are sent again later), so a Redis that is away is told, and only a
database that is away answers 503.
"""

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, JsonResponse

TIMEOUT_S = 1.0
OK = "ok"
AWAY = "away"


@login_not_required
def web(request: HttpRequest) -> JsonResponse:
    """200 while the database answers, 503 otherwise."""
    parts = {"database": _database(), "redis": _redis()}
    status = OK if parts["database"] == OK else AWAY
    answer = JsonResponse({"status": status, **parts}, status=200 if status == OK else 503)
    answer.headers["Cache-Control"] = "no-store"
    if status != OK:
        answer.headers["Retry-After"] = "5"
    return answer


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (OperationalError, InterfaceError):
        return AWAY
    return OK


def _redis() -> str:
    url = settings.HEADWAY_REDIS_URL
    try:
        with redis.Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S) as client:
            client.ping()
    except redis.RedisError:
        return AWAY
    return OK
