"""Simulated users of one arm over two weeks: they come by day more than by night and less at weekends, come
back, and some of them are slow for good. No product code but moments; estimating belongs to `monitored`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

HOURS = 336
WEEK = 168
HOUR_OF_DAY = np.arange(WEEK) % 24
DAY_NIGHT = 1.0 - 0.75 * np.cos((HOUR_OF_DAY - 3) * np.pi / 12)
WEEKEND = np.where(np.arange(WEEK) // 24 >= 5, 0.6, 1.0)
ACTIVITY = DAY_NIGHT * WEEKEND / (DAY_NIGHT * WEEKEND).mean()
"""Activity by hour of the week from Monday midnight, 1 on average."""

MEDIAN_MS, USER_SD, REQUEST_SD = 300.0, 0.4, 0.6
LOAD = 0.15
"""Everything is slower where more is going on."""

REVISITS, VISITOR_SHAPE = 4.0, 0.7
"""Requests after the first visit in two weeks: a few users make most of them."""


@dataclass(frozen=True)
class Traffic:
    """`users` are expected in each arm; with `returns` they go on making requests until the end."""

    users: int
    returns: bool = True


@dataclass(frozen=True, eq=False)
class Arm:
    """Requests in order of time: `at[n]` hours after the start, `user[n]`, `ms[n]`; users in order of arrival
    with `arrived[u]`."""

    arrived: np.ndarray
    at: np.ndarray
    user: np.ndarray
    ms: np.ndarray

    @cached_property
    def _growth(self):
        """What each request adds to the sums over users of (y, d, yy, yd, dd): y milliseconds and d
        requests of a user to date."""
        order = np.lexsort((np.arange(self.user.size), self.user))
        ms, user = self.ms[order], self.user[order]
        starts = np.r_[0, np.flatnonzero(np.diff(user)) + 1]
        sizes = np.diff(np.r_[starts, user.size])
        rank = np.arange(user.size) - np.repeat(starts, sizes)
        before = np.cumsum(ms) - ms
        before -= np.repeat(before[starts], sizes)
        parts = (ms, np.ones(ms.size), (2 * before + ms) * ms, before + rank * ms + ms, 2 * rank + 1.0)
        found = np.empty((5, ms.size))
        found[:, order] = parts
        return found

    def sums(self, hours):
        """(n[k], mean[k, 2], comoment[k, 2, 2]) of (milliseconds, requests) per user at each hour."""
        n = np.searchsorted(self.arrived, hours)
        totals = np.concatenate([np.zeros((5, 1)), np.cumsum(self._growth, axis=1)], axis=1)
        y, d, yy, yd, dd = totals[:, np.searchsorted(self.at, hours)]
        size = np.maximum(n, 1)
        mean = np.stack([y, d], axis=-1) / size[:, None]
        raw = np.stack([np.stack([yy, yd], -1), np.stack([yd, dd], -1)], -1)
        return n, mean, raw - size[:, None, None] * mean[:, :, None] * mean[:, None, :]


def arm(rng, traffic, start_hour, slowdown=1.0):
    """One arm of an experiment that starts at this hour of the week; `slowdown` 1.02 is 2 % on every
    request."""
    clock = np.concatenate([[0.0], np.cumsum(np.resize(np.roll(ACTIVITY, -start_hour), HOURS))])
    arrived = _times(clock, np.sort(rng.uniform(0, clock[-1], rng.poisson(traffic.users))))
    first = 1 + rng.poisson(1.0 if traffic.returns else 2.0, arrived.size)
    user = np.repeat(np.arange(arrived.size), first)
    at = arrived[user]
    if traffic.returns:
        later, when = _revisits(rng, clock, arrived)
        user, at = np.r_[user, later], np.r_[at, when]
    order = np.argsort(at, kind="stable")
    user, at = user[order], at[order]
    lasting = rng.normal(0.0, USER_SD, arrived.size)
    load = 1 + LOAD * (ACTIVITY[(start_hour + at.astype(int)) % WEEK] - 1)
    ms = MEDIAN_MS * slowdown * load * np.exp(lasting[user] + rng.normal(0.0, REQUEST_SD, user.size))
    return Arm(arrived, at, user, ms)


def _revisits(rng, clock, arrived):
    """Users and times of later requests, at a rate of each user's own that follows the activity."""
    begun = np.interp(arrived, np.arange(HOURS + 1), clock)
    left = clock[-1] - begun
    rate = rng.gamma(VISITOR_SHAPE, REVISITS / VISITOR_SHAPE, arrived.size) / HOURS
    user = np.repeat(np.arange(arrived.size), rng.poisson(rate * left))
    return user, _times(clock, begun[user] + rng.uniform(0.0, 1.0, user.size) * left[user])


def _times(clock, activity):
    """Hours at which so much activity has passed."""
    return np.minimum(np.interp(activity, clock, np.arange(HOURS + 1)), np.nextafter(HOURS, 0))
