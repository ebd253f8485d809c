"""Changes and decisions about what latency is worth."""

from impact.services.answering import Answer, Refusal, ask
from impact.services.estimating import arms_of, estimate_study, placebo_check
from impact.services.evidence import accept, record, reject
from impact.services.keeping import keep_all
from impact.services.mining import mine_all, request_mining
from impact.services.planning import StudyPlan, plan_study
from impact.services.ratios import discard_ratio, draft_ratio, expire_ratios, publish_ratio
from impact.services.studies import (
    approve_study,
    end_study,
    propose_study,
    start_study,
    who_may_consent,
    withdraw_study,
)
from impact.services.values import set_value
from impact.services.valuing import budget_of, cost_per_week, milliseconds_worth, worth
from impact.services.watching import cost_so_far, stops, watch_studies

__all__ = [
    "Answer",
    "Refusal",
    "StudyPlan",
    "accept",
    "approve_study",
    "arms_of",
    "ask",
    "budget_of",
    "cost_per_week",
    "cost_so_far",
    "discard_ratio",
    "draft_ratio",
    "end_study",
    "estimate_study",
    "expire_ratios",
    "keep_all",
    "milliseconds_worth",
    "mine_all",
    "placebo_check",
    "plan_study",
    "propose_study",
    "publish_ratio",
    "record",
    "reject",
    "request_mining",
    "set_value",
    "start_study",
    "stops",
    "watch_studies",
    "who_may_consent",
    "withdraw_study",
    "worth",
]
