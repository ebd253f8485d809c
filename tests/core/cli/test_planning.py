"""The plan: only what differs, and what a file leaves open comes from what is live."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway.cli import gitops, planning
from headway.cli.declared import SETTINGS, Declared
from headway.cli.yaml_reading import read_yaml
from headway.cli.yaml_writing import written
from tests.core.cli.build import SPLIT, definition, flag, state


def declared(flags=None, segments=None, layers=None):
    return Declared("production", layers or {}, segments or {}, flags or {}, ())


def entry(**changes):
    return {"type": "bool", "variants": {"on": True, "off": False}, "off": "off", "default": "off", **changes}


def split_rule(**changes):
    return {"id": "r1", "split": {**SPLIT, **changes}}


LIVE = definition(rules=[split_rule()])


def test_plan__exported_and_planned__nothing_to_do():
    live = state(
        flags={"checkout": flag(definition=LIVE)},
        segments={"staff": {"title": "", "owner": "rosa", "version": 1, "when": {"segment": "x"}}},
        layers={"page": {"unit_type": "user"}},
    )
    content = read_yaml(written(gitops.exported(live)), "f")

    found = planning.plan(live, declared(content["flags"], content["segments"], content["layers"]))

    assert found == planning.Plan((), (), ())


def test_plan__every_setting_exported_and_planned__nothing_to_do():
    given = {
        "backup": "sam",
        "team": "payments",
        "expires_on": "2027-03-01",
        "is_client_side": True,
        "json_schema": {"type": "object", "properties": {"size": {"type": "integer"}}},
    }
    live = state(flags={"checkout": flag(definition=LIVE, **given)})

    content = read_yaml(written(gitops.exported(live)), "f")

    assert given.items() <= content["flags"]["checkout"].items()
    assert set(content["flags"]["checkout"]) >= set(SETTINGS)
    assert planning.plan(live, declared(content["flags"])).changes == ()


def test_plan__segment_with_another_title__said_that_it_stays():
    when = {"attribute": "country", "op": "in", "value": ["de"]}
    live = state(segments={"beta": {"title": "Beta", "owner": "rosa", "version": 1, "when": when}})

    same, other = (
        planning.plan(live, declared(segments={"beta": {"when": when, "title": title}}))
        for title in ("Beta", "Early birds")
    )

    assert (same.warnings, same.changes, other.changes) == ((), (), ())
    assert other.warnings == (
        "segments.beta.title: 'Beta' stays; a segment's title is given once, when it is made",
    )


def test_plan__hand_written_rule_without_id_and_salts__keeps_those_that_are_live():
    live = state(flags={"checkout": flag(definition=LIVE)})
    rule = {"split": {"coverage_ppm": 100_000, "arms": [["on", 1_000_000]]}}

    assert planning.plan(live, declared({"checkout": entry(rules=[rule])})).changes == ()


def test_plan__without_coverage__left_to_ramps():
    live = state(flags={"checkout": flag(definition=LIVE, ramp=4)})
    content = gitops.exported(live, with_coverage=False)

    assert "coverage_ppm" not in content["flags"]["checkout"]["rules"][0]["split"]
    assert planning.plan(live, declared(content["flags"])).changes == ()


def test_plan__coverage_changed__one_change_with_its_line():
    live = state(flags={"checkout": flag(definition=LIVE)})

    [change] = planning.plan(live, declared({"checkout": entry(rules=[split_rule(coverage_ppm=5)])})).changes

    assert (change.sign, change.seen, change.settings) == ("~", 3, {})
    assert any(line.startswith("+") and "coverage_ppm: 5" in line for line in change.lines())


def test_plan__experiment_runs__its_rule_stays_where_it_is():
    running = {"id": "e1", "experiment": "e1", "split": SPLIT}
    live_rules = [{"id": "r1", "variant": "on"}, running, {"id": "r2", "variant": "off"}]
    live = state(flags={"checkout": flag(definition=definition(rules=live_rules))})
    exported = gitops.exported(live)["flags"]

    changed = [*exported["checkout"]["rules"], {"id": "r3", "variant": "on"}]
    [change] = planning.plan(live, declared({"checkout": entry(rules=changed)})).changes

    assert [rule["id"] for rule in exported["checkout"]["rules"]] == ["r1", "r2"]
    assert [rule["id"] for rule in change.content["rules"]] == ["r1", "e1", "r2", "r3"]


def test_plan__new_flag__added_with_its_settings():
    [change] = planning.plan(state(), declared({"new": entry(title="New", unit_type="device")})).changes

    assert (change.sign, change.seen) == ("+", 0)
    assert change.settings == {"title": "New", "type": "bool", "unit_type": "device"}
    assert change.content["rules"] == []


@pytest.mark.parametrize(
    ("known", "files", "said"),
    [
        (state(), {"new": {"variants": {"a": 1}}}, "a new flag needs a type"),
        (state(archived=["old"]), {"old": entry()}, "the flag is archived"),
        (state(flags={"c": flag()}), {"c": entry(type="string")}, "it is bool for ever"),
        (state(flags={"c": flag()}), {"c": entry(unit_type="device")}, "it is user for ever"),
    ],
)
def test_plan__cannot_be_made__said(known, files, said):
    assert said in "\n".join(planning.plan(known, declared(files)).problems)


def test_plan__flag_in_no_file__stays_unless_pruned():
    live = state(flags={"checkout": flag(), "old": flag(version=9)})
    wanted = declared({"checkout": planning.entry_of(flag())})

    kept = planning.plan(live, wanted)
    pruned = planning.plan(live, wanted, prune=True)

    assert kept.changes == ()
    assert "stand in no file; they stay: old" in kept.warnings[0]
    assert [(change.key, change.action, change.seen) for change in pruned.changes] == [("old", "archive", 9)]


def test_plan__prune_without_any_flag_in_the_files__archives_nothing():
    live = state(flags={"checkout": flag()})

    assert planning.plan(live, declared(), prune=True).changes == ()


def test_plan__true_and_one__differ():
    live = state(flags={"n": flag(type="json", definition=definition(type="json", variants={"a": 1}))})

    assert planning.plan(
        live, declared({"n": {"variants": {"a": True}, "off": "off", "default": "off"}})
    ).changes


CONDITIONS = st.recursive(
    st.fixed_dictionaries(
        {"attribute": st.text(min_size=1, max_size=5), "op": st.just("equals"), "value": st.text(max_size=5)}
    ),
    lambda inner: st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=2)}),
    max_leaves=3,
)
RULES = st.lists(
    st.fixed_dictionaries(
        {"id": st.text(min_size=1, max_size=4), "when": CONDITIONS, "variant": st.just("on")}
    ),
    max_size=3,
    unique_by=lambda rule: str(rule["id"]),
)


@settings(max_examples=60, deadline=None)
@given(
    rules=RULES,
    variants=st.dictionaries(st.text(min_size=1, max_size=4), st.booleans(), min_size=1, max_size=3),
)
def test_plan__any_flag_exported_as_yaml_and_read_again__nothing_to_do(rules, variants):
    live = state(flags={"f": flag(definition=definition(rules=rules, variants=variants))})
    content = read_yaml(written(gitops.exported(live)), "f")

    assert planning.plan(live, declared(content["flags"])).changes == ()
