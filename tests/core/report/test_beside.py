"""What other apps tell the report: sign-offs, worth, stop rules; two looks side by side, distributions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analysis import stopping
from analysis.report import changes, signoffs, worth
from analysis.report.document import build
from analysis.report.signoffs import Link, SignOff, SignOffState, Standing
from tests.golden.report.cases import CASES
from tests.golden.report.kind_cases import distribution
from tests.golden.report.parts import CREATED, WORTH
from tests.golden.report.verdict_cases import decide, roll_back


@pytest.fixture
def providers(monkeypatch):
    """Registries of this test alone."""
    for module in (signoffs, worth, stopping):
        monkeypatch.setattr(module, "_providers", [])


def built(facts):
    return build(facts, prev_sha256="", created_at=CREATED)


@pytest.mark.usefixtures("providers")
def test_standing__of_several_apps__put_together():
    review, incident = (
        Link("Review 7", "/reviews/7/", "blocked", "blocked"),
        Link("Incident 3", "/incidents/3/"),
    )
    blocked = SignOff("performance", SignOffState.REJECTED, by="ana", sha256="ab" * 32)
    signoffs.register(lambda key: Standing(review=review, sign_offs=(blocked,)))
    signoffs.register(lambda key: Standing(incidents=(incident,)) if key == "checkout" else None)

    found = signoffs.standing("checkout")

    assert (found.review, found.sign_offs, found.incidents) == (review, (blocked,), (incident,))
    assert signoffs.standing("other").incidents == ()
    assert signoffs.is_known()


@pytest.mark.usefixtures("providers")
def test_registering__twice__same_as_once():
    def provider(key):
        return ("one rule",)

    stopping.register(provider)
    stopping.register(provider)

    assert stopping.reached("checkout") == ("one rule",)


@pytest.mark.usefixtures("providers")
def test_worth__of_the_first_who_knows__becomes_part_of_the_facts():
    worth.register(lambda facts, now: None)
    worth.register(lambda facts, now: WORTH)

    assert worth.valued(decide(), now=CREATED).worth == WORTH
    assert built(worth.valued(decide(), now=CREATED))["worth"]["measured"]["low_minor"] == 21_000_000


@pytest.mark.usefixtures("providers")
def test_worth__nobody_knows__no_dollar_model():
    assert built(worth.valued(decide(), now=CREATED))["worth"]["text"] == "No dollar model."


@pytest.mark.parametrize("days", [0, 1])
def test_worth__ratio_expired_when_the_report_is_made__never_in_it(days):
    """Data from before the expiry do not help: a new report uses no ratio that is out of date."""
    facts = replace(roll_back(), worth=replace(WORTH, valid_until=CREATED.date() - timedelta(days=days)))

    found = built(facts)["worth"]

    assert facts.data_until.date() <= CREATED.date()
    assert (found["modelled"] is None) == (days == 1)
    assert ("speed ratio v7" in found["text"]) == (days == 0)


def test_ablation__with_a_model__the_bar_says_what_100_ms_cost():
    said = built(CASES["ablation_priced"]())["verdict"]

    assert said["sentences"][0] == "100 ms slower costs $0.38M to $1.51M a year."
    assert said["word"] == "PRICE MEASURED"


def test_ablation__stop_rule_reached__red_and_says_which():
    said = built(CASES["ablation_stopped"]())["verdict"]

    assert said["code"] == "ROLL BACK"
    assert "exposure budget" in said["sentences"][0]


def test_side_by_side__two_looks__every_metric_with_both_states():
    rows = changes.side_by_side(built(CASES["keep_running_unproven"]()), built(roll_back()))
    by_title = {row["title"]: row for row in rows}

    assert by_title["p95 checkout time"]["is_new_state"]
    assert by_title["p95 checkout time"]["after"]["word"] == "Harm"
    assert by_title["Crash-free sessions"]["before"] is None


def test_side_by_side__metric_that_is_gone__comes_last():
    rows = changes.side_by_side(built(roll_back()), built(CASES["keep_running_unproven"]()))

    assert rows[-1]["after"] is None


def test_facts__same_look__nothing_changed():
    found = built(roll_back())

    assert {fact["is_changed"] for fact in changes.facts(found, found)} == {""}


def test_distribution__no_event_lost__shares_of_each_arm_sum_to_one():
    facts = distribution()
    found = built(facts)["histograms"][0]
    bins = found["bins"]

    assert sum(each["control"] for each in bins) == sum(facts.histograms[0].control.values())
    assert sum(each["treatment"] for each in bins) == sum(facts.histograms[0].treatment.values())
    assert sum(each["control_share"] for each in bins) == pytest.approx(1)
    assert sum(each["treatment_share"] for each in bins) == pytest.approx(1)
    assert "12 events of zero or less are not drawn" in found["text"]
    assert [round(each["high"] / each["low"], 6) for each in bins] == [round(2**0.25, 6)] * len(bins)


def test_distribution__no_events__nothing_breaks():
    empty = replace(distribution().histograms[0], control={}, treatment={}, below_zero=0)

    found = built(replace(distribution(), histograms=(empty,)))["histograms"][0]

    assert found["top"] == 0
    assert found["events_control"] == 0


def test_calibration__none_made__said_and_never_as_good():
    found = built(roll_back())["calibration"]

    assert found == {"metrics": [], "text": "A/A splits of live traffic: not run yet."}


def test_calibration__one_metric_outside__named_with_both_bands():
    found = built(distribution())["calibration"]

    assert "1 of 2 metrics with as many false alarms as promised" in found["text"]
    assert found["text"].endswith("more or fewer false alarms than promised on p95 checkout time.")
    assert found["metrics"][1]["false_positive_text"].replace("\u202f", " ") == (
        "8.1 % (6.98 % to 9.38 %; promised 5 %)"
    )
