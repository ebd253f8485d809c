from django.urls import path

from events.api import upkeep, views

urlpatterns = [
    path("event-counts", views.Counts.as_view(), name="api-event-counts"),
    path("event-freshness", views.Freshness.as_view(), name="api-event-freshness"),
    path("refused-events", views.RefusedList.as_view(), name="api-refused-events"),
    path("refused-events/<int:refused_id>", views.RefusedDetail.as_view(), name="api-refused-event"),
    path("refused-events/<int:refused_id>/replay", views.Replay.as_view(), name="api-refused-event-replay"),
    path("event-imports", views.Imports.as_view(), name="api-event-imports"),
    path("unit-erasures", upkeep.Erasures.as_view(), name="api-unit-erasures"),
    path("unit-erasures/<int:erasure_id>", upkeep.ErasureDetail.as_view(), name="api-unit-erasure"),
    path("retention", upkeep.RetentionList.as_view(), name="api-retention-all"),
    path("retention/<str:environment>", upkeep.Retention.as_view(), name="api-retention"),
    path("labelled-events", views.Labels.as_view(), name="api-labelled-events"),
    path("labelled-events/<int:label_id>", views.LabelDetail.as_view(), name="api-labelled-event"),
    path("labelled-events/<int:label_id>/end", views.EndLabel.as_view(), name="api-labelled-event-end"),
]
