from django.urls import path

from governance.pages import audit, receivers

urlpatterns = [
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
