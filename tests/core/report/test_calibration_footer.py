"""The last line of a report says what A/A splits of live traffic found, in red where it is out of bounds."""

from dataclasses import replace

from analysis.report.document import build, serialise
from tests.golden.report.parts import CALIBRATED, CREATED, OFF
from tests.golden.report.rendering import html
from tests.golden.report.verdict_cases import ship


def footer(*calibration):
    found = build(replace(ship(), calibration=calibration), prev_sha256="", created_at=CREATED)
    page = html(found, serialise(found)[1])
    return page[page.index("block-method") :]


def test_footer__no_split_made_yet__says_so_without_red():
    shown = footer()

    assert "A/A splits of live traffic: not run yet." in shown
    assert "pill-fail" not in shown


def test_footer__all_within__counted_without_red():
    shown = footer(CALIBRATED)

    assert "1 of 1 metric with as many false alarms as promised." in shown
    assert "pill-fail" not in shown


def test_footer__one_metric_out_of_its_bounds__red_with_its_title():
    off = replace(CALIBRATED, **OFF)
    shown = footer(CALIBRATED, off)

    assert "1 of 2 metrics with as many false alarms as promised" in shown
    assert shown.count("pill-fail") == 1
    assert "A/A out of bounds: " in shown
