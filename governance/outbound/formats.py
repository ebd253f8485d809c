"""The body that each kind of receiver reads.

Slack: Block Kit (also read by Mattermost and others with Slack-compatible webhooks). PagerDuty: Events API
v2. Alert managers: the v2 API of Prometheus' Alertmanager. Everything else: Headway's own JSON.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from governance.outbound.notices import ACKNOWLEDGES, CLEARS, Notice, Severity

PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
GROUP_SEVERITIES = {"guardrail": Severity.ERROR, "incident": Severity.CRITICAL}
"""Alert managers know an alert by its labels: these stay the same while a trip becomes more severe."""

SLACK_SECTION = 3000
PAGERDUTY_SUMMARY = 1024


class Kind(StrEnum):
    WEBHOOK = "webhook"
    SLACK = "slack"
    PAGERDUTY = "pagerduty"
    ALERTMANAGER = "alertmanager"
    MAIL = "mail"


def webhook(notice: Notice, *, delivery: str, key: str = "") -> Any:
    """Ids and words; a receiver that wants numbers asks the API for the snapshot."""
    return {
        "id": delivery,
        "event": notice.event,
        "at": notice.at.isoformat(),
        "title": notice.title,
        "subject": notice.subject,
        "actor": notice.actor,
        "reason": notice.reason,
        "address": notice.address,
        "data": dict(notice.ids),
    }


def slack(notice: Notice, *, delivery: str, key: str = "") -> Any:
    who = f"{notice.actor}, {notice.at:%Y-%m-%d %H:%M} UTC"
    text = f"*{_escaped(notice.title)}*" + (f"\n{_escaped(notice.reason)}" if notice.reason else "")
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": text[:SLACK_SECTION]}},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped(who)}]},
    ]
    if notice.address:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": notice.address}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": _escaped(notice.title), "blocks": blocks}


def pagerduty(notice: Notice, *, delivery: str, key: str = "") -> Any:
    body: dict[str, Any] = {
        "routing_key": key,
        "event_action": _action(notice),
        "dedup_key": notice.key,
    }
    if body["event_action"] == "trigger":
        body["payload"] = {
            "summary": f"{notice.title}. {notice.reason}"[:PAGERDUTY_SUMMARY],
            "source": notice.subject,
            "severity": notice.severity.value,
            "timestamp": notice.at.isoformat(),
            "component": str(notice.ids.get("metric", "")),
            "group": str(notice.ids.get("experiment", "") or notice.subject),
            "class": notice.event,
            "custom_details": dict(notice.ids),
        }
        body["links"] = [{"href": notice.address, "text": "Open in Headway"}] if notice.address else []
    return body


def alertmanager(notice: Notice, *, delivery: str, key: str = "") -> Any:
    group = notice.event.partition(".")[0]
    labels = {
        "alertname": group,
        "severity": GROUP_SEVERITIES.get(group, notice.severity).value,
        "subject": notice.subject,
        "headway_key": notice.key,
    }
    labels |= {
        name: str(value) for name, value in notice.ids.items() if name in ("metric", "arm", "environment")
    }
    alert: dict[str, Any] = {
        "labels": labels,
        "annotations": {
            "summary": notice.title,
            "description": notice.reason,
            "severity": notice.severity.value,
        },
        "startsAt": notice.at.isoformat(),
        "generatorURL": notice.address,
    }
    if _action(notice) == "resolve":
        alert["endsAt"] = notice.at.isoformat()
        del alert["startsAt"]
    return [alert]


def mail(notice: Notice, *, delivery: str, key: str = "") -> Any:
    lines = [notice.title, "", notice.reason, f"By {notice.actor} at {notice.at:%Y-%m-%d %H:%M} UTC."]
    lines += ["", notice.address] if notice.address else []
    subject = notice.title.replace("\r", " ").replace("\n", " ")
    return {"subject": f"[Headway] {subject}"[:200], "text": "\n".join(lines)}


FORMATS: Mapping[Kind, Callable[..., Any]] = {
    Kind.WEBHOOK: webhook,
    Kind.SLACK: slack,
    Kind.PAGERDUTY: pagerduty,
    Kind.ALERTMANAGER: alertmanager,
    Kind.MAIL: mail,
}


def _action(notice: Notice) -> str:
    if notice.event in CLEARS:
        return "resolve"
    return "acknowledge" if notice.event in ACKNOWLEDGES else "trigger"


def _escaped(text: str) -> str:
    """Slack's three characters with a meaning."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
