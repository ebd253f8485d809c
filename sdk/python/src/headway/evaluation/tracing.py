"""Why a unit gets what it gets: the steps of one evaluation as plain data, for previews and support."""

from __future__ import annotations

from typing import Any

from headway.evaluation.conditions import traced
from headway.evaluation.config import Config
from headway.evaluation.deciding import Steps, mapping_of
from headway.evaluation.hashing import unit_text


def explain(
    config: Config, flag: str, unit: object = None, attributes: object = None, default: object = None
) -> dict[str, Any]:
    """The answer and how it came about: `{"evaluation": …, "steps": [{"step": "gate", …}, …]}`.

    The steps are those that really were taken; conditions are added with what each part found. Steps are
    `switch`, `forced`, `prerequisite`, `holdout`, `layer`, `rule`, `gate`, `arm` and `default`.
    """
    answer = config.evaluate_carefully(flag, unit, attributes, default)
    steps: Steps = []
    if flag in config.document["flags"] and answer.reason != "ERROR":
        config.decide(flag, unit, attributes, steps)
        for step in steps:
            _add_condition(step, config, flag, unit, attributes)
    return {"evaluation": answer.to_dict(), "steps": steps}


def _add_condition(step: dict[str, Any], config: Config, flag: str, unit: object, attributes: object) -> None:
    if step["step"] not in ("rule", "gate", "arm") or "skipped" in step:
        return
    rule = next(rule for rule in config.document["flags"][flag]["rules"] if rule["id"] == step["rule"])
    if "when" in rule:
        segments = config.document["segments"]
        step["when"] = traced(rule["when"], mapping_of(attributes), unit_text(unit)[0], segments)
