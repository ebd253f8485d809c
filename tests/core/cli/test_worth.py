"""`headway impact`: asks for milliseconds, prints an amount or the refusal with the studies."""

import pytest

from tests.core.cli.running import Answers, run

ANSWER = {
    "sentence": "Slowing Checkout by 100 ms costs about EUR 60 thousand a year (…; grade A).",
    "ratio_version": 3,
    "valid_until": "2027-02-21",
}
REFUSAL = {
    "refused": "there is no estimate",
    "sentence": "No amount for 100 ms on home: there is no estimate.",
    "markdown": "<!-- headway-impact:home -->\n### +100 ms on Home\n",
    "known": ["Slow days: -3.90% per 100 ms, grade C"],
    "smallest_studies": ["480,000 users in each of two arms, one of them 500 ms slower"],
}


@pytest.fixture
def server():
    table = {
        ("GET", "impact?surface=checkout&ms=100.0"): (200, ANSWER),
        ("GET", "impact?surface=checkout&ms=200.0"): (200, ANSWER),
        ("GET", "impact?surface=home&ms=100.0"): (200, REFUSAL),
        ("GET", "impact?surface=checkout&ms=-50.0"): (200, ANSWER),
    }
    answers = Answers(table)
    yield answers
    answers.stop()


@pytest.mark.parametrize("delay", [["100ms"], ["100"], ["0.2s"], ["--", "-50ms"]])
def test_impact__known__one_sentence_and_its_version(server, delay):
    done = run("impact", "--surface", "checkout", *delay, **server.variables)

    assert done.code == 0
    assert done.out.splitlines() == [ANSWER["sentence"], "ratio version 3, valid until 2027-02-21"]


def test_impact__unknown__refusal_with_what_is_known_and_the_study(server):
    done = run("impact", "100ms", "--surface", "home", **server.variables)

    assert done.code == 1
    assert "study: 480,000 users" in done.out
    assert "EUR" not in done.out


def test_impact__as_a_comment__markdown_and_a_build_goes_on(server):
    done = run("impact", "100ms", "--surface", "home", "--format", "markdown", **server.variables)

    assert done.code == 0
    assert done.out == REFUSAL["markdown"]


@pytest.mark.parametrize("delay", ["fast", "1 h", "ms"])
def test_impact__no_delay__wrong_usage(server, delay, capsys):
    with pytest.raises(SystemExit) as ended:
        run("impact", delay, "--surface", "checkout", **server.variables)

    assert ended.value.code == 64
    assert "is no delay" in capsys.readouterr().err
