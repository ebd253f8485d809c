from django.urls import path

from governance.pages import audit, budgets, guardrails, receivers, reviews, trips

urlpatterns = [
    path("", reviews.reviews, name="reviews"),
    path("open/", reviews.open_review, name="review-open"),
    path("blockers/", reviews.blockers, name="blockers"),
    path("<int:id>/", reviews.review, name="review"),
    path("<int:id>/answer/", reviews.answer, name="review-answer"),
    path("<int:id>/sign/", reviews.sign, name="review-sign"),
    path("<int:id>/conditions-met/", reviews.conditions_met, name="review-conditions"),
    path("<int:id>/withdraw/", reviews.withdraw, name="review-withdraw"),
    path("trips/", trips.trips, name="trips"),
    path("trips/<int:id>/", trips.trip, name="trip"),
    path("guardrails/", guardrails.guardrail_sets, name="guardrails"),
    path("guardrails/<int:id>/", guardrails.guardrail_set, name="guardrail-set"),
    path("guardrails/<int:id>/remove/", guardrails.remove, name="guardrail-set-remove"),
    path("waivers/ask/", guardrails.ask_waiver, name="waiver-ask"),
    *(
        path(f"waivers/<int:id>/{step}/", guardrails.settle_waiver, {"step": step}, name=f"waiver-{step}")
        for step in guardrails.WAIVER_STEPS
    ),
    path("budgets/", budgets.budget_waivers, name="budget-waivers"),
    path("budgets/<int:id>/end/", budgets.end, name="budget-waiver-end"),
    path("audit/", audit.trail, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
    path("receivers/", receivers.receivers, name="receivers"),
    path("receivers/<int:id>/", receivers.receiver, name="receiver"),
    *(
        path(f"receivers/<int:id>/{step}/", receivers.act, {"step": step}, name=f"receiver-{step}")
        for step in receivers.STEPS
    ),
    path("deliveries/<uuid:id>/", receivers.delivery, name="delivery"),
    path("deliveries/<uuid:id>/replay/", receivers.replay, name="delivery-replay"),
]
