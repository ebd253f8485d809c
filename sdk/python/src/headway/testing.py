"""A client for tests: flags as the test wants them, exposures and events in lists, no network, no threads.

>>> client = headway.testing.MemoryClient({"new-checkout": True})
>>> client.bool("new-checkout", unit="user-1")
True
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Optional, Union

from headway.client import Client
from headway.configuring import Source
from headway.evaluation import Config
from headway.hooks import Hook
from headway.recording import Clock, utc_now

VARIANT = "test"


class MemoryClient(Client):
    """The real client on a configuration in memory.

    `flags` gives every unit the same value; `document` is a whole configuration document instead, for tests
    of rules. What would be sent is in `exposures` and `events`.
    """

    def __init__(
        self,
        flags: Optional[Mapping[str, Any]] = None,
        *,
        document: Union[Mapping[str, Any], str, bytes, None] = None,
        clock: Clock = utc_now,
        unit_type: str = "user",
        exposure_dims: Iterable[str] = (),
        max_units: int = 65_536,
        hooks: Iterable[Hook] = (),
    ) -> None:
        super().__init__(
            "memory:",
            "test",
            bootstrap=document_of(flags or {}) if document is None else document,
            clock=clock,
            unit_type=unit_type,
            exposure_dims=tuple(exposure_dims),
            max_units=max_units,
            max_queue=1_000_000,
            hooks=hooks,
            offline=True,
        )

    @property
    def source(self) -> Source:
        """As if the server had just said that this is the current configuration."""
        return super().source._replace(fetched_at=time.time())

    def set(self, flag: str, value: Any) -> None:
        """Give every unit this value from now on."""
        entry = flag_of(value)
        self.use_config(self.config.updated({flag: entry}, self.config.version + 1))

    def use_config(self, config: Config) -> None:
        """Go on with another configuration."""
        self._configuration.replace(config)

    @property
    def exposures(self) -> list[Mapping[str, Any]]:
        """The exposures noted so far."""
        return [event for event in self._outbox.waiting() if event["kind"] == "exposure"]

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """The events tracked so far."""
        return [event for event in self._outbox.waiting() if event["kind"] == "event"]


def document_of(flags: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration document in which every flag has one value."""
    return {
        "schema": 1,
        "environment": "test",
        "version": 1,
        "layers": {},
        "holdouts": {},
        "segments": {},
        "flags": {key: flag_of(value) for key, value in flags.items()},
    }


def flag_of(value: Any) -> dict[str, Any]:
    """A flag's entry that gives everybody this value."""
    kinds = {bool: "bool", str: "string", int: "number", float: "number"}
    return {
        "version": 1,
        "type": kinds.get(type(value), "json"),
        "unit_type": "user",
        "on": True,
        "variants": {VARIANT: value},
        "rules": [{"id": "everybody", "variant": VARIANT}],
    }
