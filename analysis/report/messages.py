"""A stored report as a message: plain text, chat blocks (Slack's Block Kit), and a mail with a picture.

The words are those of the page; results that the page hides are hidden here too. Mail programs show no SVG
and load nothing from servers behind a log-in, so that the picture goes along as a PNG inside the mail. Chats
can load no picture from such a server either and get none. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from analysis.report import exports, mail_html, pictures, typesetting

Document = Mapping[str, Any]
Block = dict[str, Any]

HEADER_LETTERS, SECTION_LETTERS, FIELD_LETTERS, MOST_FIELDS = 150, 3000, 2000, 10
"""What Block Kit accepts in one block."""

PICTURE = "what-moved"


def subject(document: Document) -> str:
    """One line: the verdict and whose it is."""
    return _one_line(f"{document['verdict']['word']}: {document['experiment']['title']}")


def plain(document: Document, sha256: str, url: str) -> str:
    """For terminals, text mails and chats without blocks."""
    verdict = document["verdict"]
    lines = [
        f"{verdict['mark']} {subject(document)}",
        "",
        *verdict["sentences"],
        *([verdict["worth"]] if verdict["worth"] else []),
        "",
        f"We tried: {document['question']['sentence']}",
        f"{document['question']['facts']}.",
        "",
        f"Trust {document['trust']['text']}: {trust_line(document)}",
        *(f"  {line}" for line in concerns(document)),
        "",
        *(f"  {line}" for line in result_lines(document)),
        *[f"  {line}" for line in _below(document)],
        *_posterior(document),
        "",
        f"{', '.join(verdict['meta'])}, snapshot {sha256[:12]}",
        url,
    ]
    return "\n".join(lines) + "\n"


def chat(document: Document, sha256: str, url: str) -> dict[str, Any]:
    """The body of a chat message: `text` for notifications, `blocks` for the message itself."""
    verdict = document["verdict"]
    title = f"{verdict['mark']} {subject(document)}"
    said = " ".join([*verdict["sentences"], *([verdict["worth"]] if verdict["worth"] else [])])
    blocks: list[Block] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(title, HEADER_LETTERS)}},
        _section(escaped(said)),
        *_fields(document),
        *(_section(escaped(line)) for line in _below(document)),
        *_believed(document),
        _context([f"*Trust* {escaped(document['trust']['text'])}: {escaped(trust_line(document))}"]),
        *(_context([escaped(line)]) for line in concerns(document)),
        _context([escaped(", ".join(verdict["meta"])) + f", snapshot {sha256[:12]}"]),
        {"type": "actions", "elements": [_button("Open the report", url)]},
    ]
    return {"text": f"{escaped(title)}. {escaped(verdict['sentences'][0])}", "blocks": blocks}


def mail(document: Document, sha256: str, url: str, *, sender: str, to: Sequence[str] = ()) -> EmailMessage:
    """A mail of text and HTML with the picture inside. `sender` and `to` are addresses."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject(document)
    message["From"] = sender
    if to:
        message["To"] = ", ".join(to)
    message.set_content(plain(document, sha256, url))
    shown = picture(document)
    cid = f"<{sha256[:16]}.{PICTURE}@headway.invalid>" if shown else ""
    body = mail_html.html(document, sha256, url, picture=f"cid:{cid[1:-1]}" if cid else "")
    message.add_alternative(body, subtype="html")
    if shown:
        _attach(message, shown, cid, name=f"{document['experiment']['key']}-{sha256[:12]}.png")
    return message


def picture(document: Document) -> bytes | None:
    """What moved, as a PNG; None where the page hides it or there is nothing to draw."""
    if not exports.shows_effects(document):
        return None
    drawn = next((each for each in pictures.charts(document) if each.name == PICTURE), None)
    return None if drawn is None else typesetting.png(drawn.svg)


def trust_line(document: Document) -> str:
    """The six checks in a row."""
    return ", ".join(f"{check['label']} {check['word']}" for check in document["trust"]["checks"])


def concerns(document: Document) -> list[str]:
    """Checks that are not ok, with what was found."""
    found = (check for check in document["trust"]["checks"] if check["status"] != "ok")
    return [f"{check['label']} {check['word']}: {check['detail']}" for check in found]


def result_lines(document: Document) -> list[str]:
    """One line per deciding metric and arm, or why there are none."""
    if not exports.shows_effects(document):
        return [exports.why_hidden(document)]
    return [f"{title}: {said}" for title, said in _results(document)]


def escaped(text: str) -> str:
    """Names that people chose cannot mention anybody nor link anywhere in a chat."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _results(document: Document) -> Iterator[tuple[str, str]]:
    is_multi_arm = len(document["experiment"]["treatments"]) > 1
    for row in document["results"]:
        for arm in row["arms"] if row["block"] != "monitored" else ():
            title = f"{row['title']}, {arm['arm']}" if is_multi_arm else row["title"]
            yield title, f"{arm['mark']} {arm['word']}{_change(row, arm)}"


def _change(row: Mapping[str, Any], arm: Mapping[str, Any]) -> str:
    change = arm["change"]
    if not change["point"]:
        return f", {arm['note']}" if arm["note"] else ""
    limit = row["margin"]["text"] if row["margin"] else ""
    return f", {change['point']} ({change['span']}{f'; limit {limit}' if limit else ''})"


def _below(document: Document) -> list[str]:
    """What stands under the results: the monitored metrics and the slices."""
    if not exports.shows_effects(document):
        return []
    flagged = [
        f"{row['dimension']} {row['level']}: {row['title']} {row['text']}."
        for row in document["slices"]["flagged"]
    ]
    said = [document["monitored"]["text"], " ".join([document["slices"]["text"], *flagged])]
    return [text for text in said if text]


def _posterior(document: Document) -> list[str]:
    """The Bayesian read-out, where the plan asks for one and the page shows effects."""
    lines = exports.posterior_lines(document) if exports.shows_effects(document) else []
    return ["", "As a posterior:", *(f"  {line}" for line in lines)] if lines else []


def _believed(document: Document) -> Iterator[Block]:
    """The same as one block of its own, and what it rests on in small print."""
    lines = exports.posterior_lines(document) if exports.shows_effects(document) else []
    if lines:
        yield _section("\n".join(["*As a posterior*", *map(escaped, lines[:-1])]))
        yield _context([escaped(lines[-1])])


def _fields(document: Document) -> Iterator[Block]:
    """Two columns of results; a section holds ten, and more than two sections are a wall."""
    if not exports.shows_effects(document):
        yield _section(escaped(exports.why_hidden(document)))
        return
    found = [
        {"type": "mrkdwn", "text": _cut(f"*{escaped(title)}*\n{escaped(said)}", FIELD_LETTERS)}
        for title, said in _results(document)
    ]
    for start in range(0, min(len(found), 2 * MOST_FIELDS), MOST_FIELDS):
        yield {"type": "section", "fields": found[start : start + MOST_FIELDS]}
    if len(found) > 2 * MOST_FIELDS:
        yield _context(["More results are on the page."])


def _section(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, SECTION_LETTERS)}}


def _context(texts: Sequence[str]) -> Block:
    elements = [{"type": "mrkdwn", "text": _cut(text, SECTION_LETTERS)} for text in texts]
    return {"type": "context", "elements": elements}


def _button(text: str, url: str) -> Block:
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "url": url}


def _attach(message: EmailMessage, shown: bytes, cid: str, *, name: str) -> None:
    """Beside the HTML part, which names it by `cid`."""
    html_part = message.get_body(("html",))
    if not isinstance(html_part, EmailMessage):
        raise TypeError("the mail has no HTML part")
    html_part.add_related(shown, "image", "png", cid=cid, filename=name, disposition="inline")


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1] + "…"


def _one_line(text: str) -> str:
    """Header fields hold no line breaks."""
    return " ".join(text.split())
