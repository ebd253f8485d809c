"""Changes and decisions of governance."""

from governance.services.actions import (
    drop_action,
    finish_action,
    hand_over_action,
    open_action,
    remind_overdue,
    remind_soon,
)
from governance.services.backtesting import accept_guardrail, propose_guardrail
from governance.services.budgets import end_budget_waiver, waive_budget
from governance.services.digests import make_due_digest
from governance.services.documents import register_document
from governance.services.incidents import (
    acknowledge_incident,
    add_note,
    close_incident,
    mitigate_incident,
    open_incident,
)
from governance.services.opening import follow_trips
from governance.services.postmortems import edit_postmortem, publish_postmortem, review_postmortem
from governance.services.receivers import (
    change_receiver,
    create_receiver,
    pause_receiver,
    remove_receiver,
    renew_secret,
    resume_receiver,
    signing_secret,
    test_receiver,
)
from governance.services.telling import replay, spread_news, tell

__all__ = [
    "accept_guardrail",
    "acknowledge_incident",
    "add_note",
    "change_receiver",
    "close_incident",
    "create_receiver",
    "drop_action",
    "edit_postmortem",
    "end_budget_waiver",
    "finish_action",
    "follow_trips",
    "hand_over_action",
    "make_due_digest",
    "mitigate_incident",
    "open_action",
    "open_incident",
    "pause_receiver",
    "propose_guardrail",
    "publish_postmortem",
    "register_document",
    "remind_overdue",
    "remind_soon",
    "remove_receiver",
    "renew_secret",
    "replay",
    "resume_receiver",
    "review_postmortem",
    "signing_secret",
    "spread_news",
    "tell",
    "test_receiver",
    "waive_budget",
]
