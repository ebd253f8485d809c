"""The effect from look to look: cut where early, framed by the newest half, with what happened meanwhile."""

from datetime import timedelta
from xml.etree import ElementTree

from analysis.report.drawing_time import over_time
from analysis.report.over_time import Mark, Moment, Span, series
from tests.core.report.build import START, definition, latency

SPAN = Span(START, START + timedelta(days=14), START + timedelta(days=7))


def moments(number=14, first_half_width=400.0):
    """One look a day, each with a narrower range than the one before."""
    return [
        Moment(
            day, START + timedelta(days=day), 40.0, 40 - first_half_width / day, 40 + first_half_width / day
        )
        for day in range(1, number + 1)
    ]


def test_series__no_look_with_a_number__nothing_to_draw():
    assert series([], [], latency(), SPAN) is None


def test_series__wide_early_looks__do_not_set_the_frame():
    found = series(moments(), [], latency(), SPAN)

    assert 90 <= found["top"] <= 150
    assert found["points"][0]["range_text"].replace("\u202f", " ") == "−360 ms to +440 ms"


def test_series__minimum_duration__half_way():
    found = series(moments(), [], latency(), SPAN)

    assert found["readable_share"] == 0.5
    assert [point["look"] for point in found["points"]] == list(range(1, 15))
    assert found["points"][-1]["share"] == 1.0


def test_series__unbounded_end__said():
    found = series([Moment(1, START + timedelta(days=1), 1.0, None, None)], [], definition(), SPAN)

    assert found["points"][0]["range_text"] == "unbounded to unbounded"


def test_picture__marks_and_titles__escaped_and_well_formed():
    marks = [Mark(START + timedelta(days=3), "deploy", "<b>cart & co</b>")]

    text = over_time(series(moments(), marks, latency(title="p95 <i>"), SPAN))

    ElementTree.fromstring(text)
    assert "deploy: &lt;b&gt;cart &amp; co&lt;/b&gt;" in text
    assert "too early to read" in text


def test_picture__every_point__inside_the_frame():
    text = over_time(series(moments(), [], latency(), SPAN))
    heights = [float(circle.get("cy")) for circle in ElementTree.fromstring(text).iter("circle")]

    assert len(heights) == 14
    assert all(24 <= height <= 216 for height in heights)


def test_picture__one_look__still_a_picture():
    ElementTree.fromstring(over_time(series(moments(1), [], latency(), SPAN)))


def test_picture__looks_under_an_earlier_plan__dashed_and_not_joined_with_the_others():
    looks = [Moment(m.look, m.at, m.estimate, m.low, m.high, m.look <= 5) for m in moments()]

    text = over_time(series(looks, [], latency(), SPAN))

    assert text.count('class="line earlier"') == 1
    assert text.count('class="line"') == 1


def test_series__weekends__inside_the_run_only():
    found = series(moments(), [], latency(), SPAN)["weekends"]

    assert len(found) == 4  # a fortnight has two Saturdays and two Sundays
    assert all(0 <= each["from"] < each["to"] <= 1 for each in found)
