"""Reports as messages: the page's words and numbers, inside the limits of mail and chat, nothing hidden."""

import json
import re

import pytest

from analysis.report import exports, messages, wording
from analysis.report.document import build, serialise
from tests.golden.report.cases import CASES
from tests.golden.report.parts import CREATED
from tests.golden.report.test_golden import numbers_in, strings_in, texts_of

URL = "https://headway.example.com/experiments/checkout/report/abc/"
BUILT = {name: build(made(), prev_sha256="", created_at=CREATED) for name, made in CASES.items()}
HIDDEN = [name for name, found in BUILT.items() if not exports.shows_effects(found)]


def sha(name):
    return serialise(BUILT[name])[1]


def plain(name):
    return messages.plain(BUILT[name], sha(name), URL)


def chat(name):
    return messages.chat(BUILT[name], sha(name), URL)


def chat_texts(name):
    """All texts of a chat message that a reader sees."""
    said = chat(name)
    texts = strings_in([said["text"], said["blocks"]])
    return [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for text in texts]


def mail(name):
    return messages.mail(BUILT[name], sha(name), URL, sender="headway@example.com")


def html(name):
    return mail(name).get_body(("html",)).get_content()


def stored_numbers(name):
    return numbers_in(strings_in(json.loads(serialise(BUILT[name])[0])))


def without_address_and_hash(texts, name):
    return [text.replace(URL, "").replace(sha(name), "").replace(sha(name)[:12], "") for text in texts]


@pytest.mark.parametrize("name", CASES)
def test_plain_and_chat__every_number__found_verbatim_in_the_snapshot(name):
    for texts in ([plain(name)], chat_texts(name)):
        assert numbers_in(without_address_and_hash(texts, name)) - stored_numbers(name) == set()


@pytest.mark.parametrize("name", ["roll_back", "three_arms", "srm", "keep_running_early", "ratio_expired"])
def test_mail__every_number__found_verbatim_in_the_snapshot(name):
    texts = texts_of(html(name))

    assert numbers_in(without_address_and_hash(texts, name)) - stored_numbers(name) == set()


@pytest.mark.parametrize("name", CASES)
def test_messages__every_word__allowed(name):
    assert wording.banned(plain(name)) == []
    assert wording.banned(" ".join(chat_texts(name))) == []


@pytest.mark.parametrize("name", CASES)
def test_chat__blocks__inside_the_limits_of_block_kit(name):
    said = chat(name)
    blocks = said["blocks"]

    assert len(blocks) <= 50
    assert blocks[0]["type"] == "header"
    assert len(blocks[0]["text"]["text"]) <= 150
    for block in blocks:
        assert block["type"] in {"header", "section", "context", "actions"}
        assert len(block.get("fields", [])) <= 10
        assert all(0 < len(field["text"]) <= 2000 for field in block.get("fields", []))
        assert block["type"] != "section" or ("text" in block) != ("fields" in block)
        assert len(block.get("elements", [])) <= 10
    assert blocks[-1]["elements"][0]["url"] == URL


def test_messages__hidden_effects__there_are_such_cases():
    assert {"srm", "no_data", "missing_check", "keep_running_early"} <= set(HIDDEN)


@pytest.mark.parametrize("name", HIDDEN)
def test_messages__effects_hidden_on_the_page__hidden_here_too(name):
    found = BUILT[name]
    changes = {arm["change"]["span"] for row in found["results"] for arm in row["arms"]} - {"", "unbounded"}
    said = [plain(name), " ".join(chat_texts(name)), html(name)]

    assert all(exports.why_hidden(found).split(";")[0] in text for text in said)
    assert not any(span in text for span in changes for text in said)
    assert messages.picture(found) is None
    assert [part.get_content_type() for part in mail(name).walk()].count("image/png") == 0


def test_worth__before_the_minimum_duration__not_said():
    facts = CASES["keep_running_early"]()
    worth = CASES["roll_back"]().worth
    found = build(type(facts)(**{**as_fields(facts), "worth": worth}), prev_sha256="", created_at=CREATED)

    assert found["blind_until"]
    assert found["verdict"]["worth"] == ""


def as_fields(facts):
    return {name: getattr(facts, name) for name in type(facts).__dataclass_fields__}


def test_chat__names_that_people_chose__mention_nobody_and_link_nowhere():
    found = {
        **BUILT["roll_back"],
        "experiment": {**BUILT["roll_back"]["experiment"], "title": "<!here> & <@U1>"},
    }

    said = messages.chat(found, "ab" * 32, URL)

    assert "<!here>" not in said["text"]
    assert "&lt;!here&gt; &amp; &lt;@U1&gt;" in said["text"]
    assert said["blocks"][0]["text"]["type"] == "plain_text"


def test_mail__names_with_markup__escaped():
    text = html("non_ascii")

    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_mail__structure__text_first_then_html_with_its_picture_inside():
    made = mail("roll_back")
    kinds = [part.get_content_type() for part in made.walk()]
    picture = next(part for part in made.walk() if part.get_content_type() == "image/png")

    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    assert f'src="cid:{picture["Content-ID"][1:-1]}"' in html("roll_back")
    assert picture.get_content().startswith(b"\x89PNG")
    assert made["Subject"] == "ROLL BACK: Prefetch payment methods"
    assert not re.search(r'(src|href)="(?!cid:)(?!' + re.escape(URL) + ")", html("roll_back"))


def test_mail__title_with_a_line_break__no_second_header():
    found = {**BUILT["srm"], "experiment": {**BUILT["srm"]["experiment"], "title": "a\r\nBcc: x@example.com"}}

    made = messages.mail(found, "ab" * 32, URL, sender="headway@example.com", to=["rosa@example.com"])

    assert made["Bcc"] is None
    assert made["To"] == "rosa@example.com"
    assert bytes(made)


def test_plain__no_picture_and_no_markup__everything_said():
    text = plain("roll_back")

    assert text.startswith("▼ ROLL BACK: Prefetch payment methods\n")
    assert "p95 checkout time: ▼ Harm, +42\u202fms (18 to 66\u202fms; limit 30\u202fms)" in text
    assert text.rstrip().endswith(URL)
