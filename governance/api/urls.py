from django.urls import path

from governance.api import audit, budgets, receivers, reviews

urlpatterns = [
    path("receivers", receivers.Receivers.as_view(), name="api-receivers"),
    path("receivers/<int:id>", receivers.OneReceiver.as_view(), name="api-receiver"),
    path("receivers/<int:id>/test", receivers.Test.as_view(), name="api-receiver-test"),
    path("deliveries", receivers.Deliveries.as_view(), name="api-deliveries"),
    path("deliveries/<uuid:id>", receivers.OneDelivery.as_view(), name="api-delivery"),
    path("deliveries/<uuid:id>/replay", receivers.Replay.as_view(), name="api-delivery-replay"),
    path("reviews", reviews.Reviews.as_view(), name="api-reviews"),
    path("reviews/<int:id>", reviews.OneReview.as_view(), name="api-review"),
    path("reviews/<int:id>/answers", reviews.Answers.as_view(), name="api-review-answers"),
    path("reviews/<int:id>/sign", reviews.Sign.as_view(), name="api-review-sign"),
    path("reviews/<int:id>/conditions-met", reviews.ConditionsMet.as_view(), name="api-review-conditions"),
    path("reviews/<int:id>/withdraw", reviews.Withdraw.as_view(), name="api-review-withdraw"),
    path("guardrail-sets", reviews.GuardrailSets.as_view(), name="api-guardrail-sets"),
    path("guardrail-sets/<int:id>", reviews.OneGuardrailSet.as_view(), name="api-guardrail-set"),
    path("waivers", reviews.Waivers.as_view(), name="api-waivers"),
    path("audit", audit.Trail.as_view(), name="api-audit"),
    path("audit/verify", audit.Verification.as_view(), name="api-audit-verify"),
    path("budget-waivers", budgets.BudgetWaivers.as_view(), name="api-budget-waivers"),
    path("budget-waivers/<int:id>", budgets.OneBudgetWaiver.as_view(), name="api-budget-waiver"),
    path("budget-waivers/<int:id>/end", budgets.End.as_view(), name="api-budget-waiver-end"),
    *(
        path(
            f"waivers/<int:id>/{step}",
            reviews.WaiverStep.as_view(service=service),
            name=f"api-waiver-{step}",
        )
        for step, service in reviews.WAIVER_STEPS.items()
    ),
]
