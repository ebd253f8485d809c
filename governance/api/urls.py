from django.urls import path

from governance.api import receivers

urlpatterns = [
    path("receivers", receivers.Receivers.as_view(), name="api-receivers"),
    path("receivers/<int:id>", receivers.OneReceiver.as_view(), name="api-receiver"),
    path("receivers/<int:id>/test", receivers.Test.as_view(), name="api-receiver-test"),
    path("deliveries", receivers.Deliveries.as_view(), name="api-deliveries"),
    path("deliveries/<uuid:id>", receivers.OneDelivery.as_view(), name="api-delivery"),
    path("deliveries/<uuid:id>/replay", receivers.Replay.as_view(), name="api-delivery-replay"),
]
