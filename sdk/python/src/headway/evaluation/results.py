"""What an evaluation answers: value, variant and the reason for it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

    Reason = Literal[
        "DISABLED",
        "OVERRIDE",
        "PREREQUISITE_FAILED",
        "HOLDOUT",
        "NOT_IN_LAYER",
        "TARGETING_MATCH",
        "SPLIT",
        "OUT_OF_ROLLOUT",
        "DEFAULT",
        "UNIT_MISSING",
        "FLAG_NOT_FOUND",
        "TYPE_MISMATCH",
        "ERROR",
    ]

DISABLED: Reason = "DISABLED"
OVERRIDE: Reason = "OVERRIDE"
PREREQUISITE_FAILED: Reason = "PREREQUISITE_FAILED"
HOLDOUT: Reason = "HOLDOUT"
NOT_IN_LAYER: Reason = "NOT_IN_LAYER"
TARGETING_MATCH: Reason = "TARGETING_MATCH"
SPLIT: Reason = "SPLIT"
OUT_OF_ROLLOUT: Reason = "OUT_OF_ROLLOUT"
DEFAULT: Reason = "DEFAULT"
UNIT_MISSING: Reason = "UNIT_MISSING"
FLAG_NOT_FOUND: Reason = "FLAG_NOT_FOUND"
TYPE_MISMATCH: Reason = "TYPE_MISMATCH"
ERROR: Reason = "ERROR"

NO_SET: frozenset[str] = frozenset()


class Evaluation:
    """One answer; never changes, so the same object is handed out again and again.

    `variant` is None when the value is the caller's default. `detail` names the holdout, the prerequisite or
    the trouble. `unit_from` is the attribute that stood in for the unit, if one did. `noted` is the client's:
    the units whose exposure to this very answer it has noted; `seen` is what a call looks at: None when the
    answer is no exposure, and never holding anything when the unit stands in an attribute.
    """

    __slots__ = (
        "_last",
        "detail",
        "experiment",
        "flag",
        "noted",
        "reason",
        "rule",
        "seen",
        "unit_from",
        "unit_type",
        "value",
        "variant",
        "version",
    )

    flag: str
    value: Any
    variant: str | None
    reason: Reason
    rule: str | None
    experiment: str | None
    version: int | None
    unit_type: str | None
    unit_from: str | None
    detail: str
    noted: set[str]
    seen: set[str] | frozenset[str] | None

    def __init__(
        self,
        flag: str,
        value: Any,
        variant: str | None,
        reason: Reason,
        *,
        rule: str | None = None,
        experiment: str | None = None,
        version: int | None = None,
        unit_type: str | None = None,
        unit_from: str | None = None,
        detail: str = "",
        is_exposure: bool = False,
    ) -> None:
        keep = object.__setattr__
        keep(self, "flag", flag)
        keep(self, "value", value)
        keep(self, "variant", variant)
        keep(self, "reason", reason)
        keep(self, "rule", rule)
        keep(self, "experiment", experiment)
        keep(self, "version", version)
        keep(self, "unit_type", unit_type)
        keep(self, "unit_from", unit_from)
        keep(self, "detail", detail)
        keep(self, "_last", None)
        keep(self, "seen", None)
        if is_exposure:
            self.begin_set()

    def begin_set(self) -> set[str]:
        """Begin a new set of noted units; returns the old one."""
        old = set() if self.seen is None else self.noted
        object.__setattr__(self, "noted", set())
        object.__setattr__(self, "seen", self.noted if self.unit_from is None else NO_SET)
        return old

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Evaluation never changes; {name!r} stays as it is")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an Evaluation never changes; {name!r} stays as it is")

    @property
    def is_forced(self) -> bool:
        """Whether somebody wrote down who gets this, so that chance had no part in it."""
        return self.reason == OVERRIDE

    def with_value(self, value: Any) -> Evaluation:
        """The same answer with the caller's default as its value; the last one is kept and reused."""
        last: Evaluation | None = self._last  # type: ignore[attr-defined]
        if last is None or last.value is not value:
            last = self._copied(value, self.detail)
            object.__setattr__(self, "_last", last)
        return last

    def with_detail(self, detail: str) -> Evaluation:
        """The same answer with an explanation."""
        return self._copied(self.value, detail)

    def _copied(self, value: Any, detail: str) -> Evaluation:
        return Evaluation(
            self.flag,
            value,
            self.variant,
            self.reason,
            rule=self.rule,
            experiment=self.experiment,
            version=self.version,
            unit_type=self.unit_type,
            unit_from=self.unit_from,
            detail=detail,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for logs and JSON."""
        names = ("flag", "value", "variant", "reason", "rule", "experiment", "version", "unit_type", "detail")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return (
            f"Evaluation({self.flag!r}, value={self.value!r}, variant={self.variant!r}, "
            f"reason={self.reason!r}, rule={self.rule!r}, detail={self.detail!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.to_dict(), self.unit_from)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Evaluation):
            return NotImplemented
        return self is other or (self.to_dict(), self.unit_from) == (other.to_dict(), other.unit_from)

    def __hash__(self) -> int:
        return hash((self.flag, self.variant, self.reason, self.rule, self.version))


def _rebuilt(fields: Mapping[str, Any], unit_from: str | None) -> Evaluation:
    rest = {name: fields[name] for name in ("rule", "experiment", "version", "unit_type", "detail")}
    return Evaluation(
        fields["flag"], fields["value"], fields["variant"], fields["reason"], unit_from=unit_from, **rest
    )
