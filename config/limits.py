"""How many requests a caller of the API may make in a minute, and what every answer says about it.

Counted in Redis for all processes together. While Redis is away each process counts for itself: nobody is
turned away for that, and nobody is let through without end. Header fields are those of the IETF draft
"RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers). What SDKs ask and send goes to the
edge and is not counted here.
"""

import hashlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config import problems

log = logging.getLogger(__name__)

WINDOW_S = 60
TIMEOUT_S = 0.25
QUIET_FOR_S = 10.0
"""After a failure, so that a Redis that hangs does not slow every request down."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Where a caller stands: `used` of `limit`, this request counted; the count begins anew in `left_s`."""

    used: int
    limit: int
    left_s: int

    @property
    def is_over(self) -> bool:
        return self.used > self.limit

    def to_headers(self) -> dict[str, str]:
        left = max(self.limit - self.used, 0)
        policy = f'"default";q={self.limit};w={WINDOW_S}'
        return {"RateLimit-Policy": policy, "RateLimit": f'"default";r={left};t={self.left_s}'}


class Counts:
    """Requests by caller and minute. Made once in a process; connects at the first request."""

    def __init__(self) -> None:
        self._client: redis.Redis | None = None
        self._quiet_until = 0.0
        self._lock = threading.Lock()
        self._own: Counter[str] = Counter()
        self._minute = 0

    def add(self, caller: str, *, minute: int) -> int:
        """Count one request; how many there were with it."""
        if time.monotonic() >= self._quiet_until:
            try:
                return self._shared(f"headway:requests:{minute}:{caller}")
            except redis.RedisError as error:
                self._quiet_until = time.monotonic() + QUIET_FOR_S
                log.warning("requests are counted by each process for itself: %s", error)
        return self._for_itself(caller, minute)

    def _shared(self, name: str) -> int:
        with self._connected().pipeline(transaction=False) as line:
            line.incr(name)
            line.expire(name, 2 * WINDOW_S)
            return int(line.execute()[0])

    def _for_itself(self, caller: str, minute: int) -> int:
        with self._lock:
            if minute != self._minute:
                self._own.clear()
                self._minute = minute
            self._own[caller] += 1
            return self._own[caller]

    def _connected(self) -> redis.Redis:
        with self._lock:
            if self._client is None:
                self._client = redis.Redis.from_url(
                    settings.HEADWAY_REDIS_URL,
                    socket_timeout=TIMEOUT_S,
                    socket_connect_timeout=TIMEOUT_S,
                    retry=None,
                )
            return self._client


counts = Counts()


def spend(caller: str, *, limit: int, now: float) -> Spent:
    """Count one request of this caller at `now`, in seconds since the epoch."""
    minute, gone = divmod(int(now), WINDOW_S)
    return Spent(counts.add(caller, minute=minute), limit, WINDOW_S - gone)


def rate_limits(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: count requests to the API, say in each answer what is left, and answer 429 beyond that."""

    def respond(request: HttpRequest) -> HttpResponse:
        limit = settings.HEADWAY_API_RATE
        if not limit or not request.path.startswith("/api/"):
            return get_response(request)
        spent = spend(_caller(request), limit=limit, now=time.time())
        answer = _too_many(spent) if spent.is_over else get_response(request)
        for name, value in spent.to_headers().items():
            answer.headers[name] = value
        return answer

    return respond


def _too_many(spent: Spent) -> HttpResponse:
    detail = (
        f"more than {spent.limit} requests in a minute; nothing was done. Ask again in {spent.left_s} s, "
        "or ask for more in one request: lists take a limit, flags can be applied together."
    )
    answer = problems.answer(429, detail)
    answer.headers["Retry-After"] = str(spent.left_s)
    return answer


def _caller(request: HttpRequest) -> str:
    """Who is counted: the key, else who is logged in, else the address. Secrets do not go to Redis."""
    sent = request.headers.get("Authorization", "")
    if sent:
        return f"key:{hashlib.sha256(sent.encode()).hexdigest()[:32]}"
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    return f"address:{request.META.get('REMOTE_ADDR', '')}"
