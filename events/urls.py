from django.urls import path

from events.pages import labels, overview, personal, refused

urlpatterns = [
    path("", overview.overview, name="events"),
    path("imports/", overview.imports, name="event-imports"),
    path("refused/", refused.refused_events, name="refused-events"),
    path("refused/<int:refused_id>/", refused.refused_event, name="refused-event"),
    path("personal-data/", personal.personal_data, name="personal-data"),
    path("personal-data/erase/", personal.erase, name="unit-erase"),
    path("personal-data/retention/", personal.retain, name="retention-set"),
    path("labelled/", labels.labels, name="labelled-events"),
    path("labelled/new/", labels.add, name="labelled-event-new"),
    path("labelled/<int:label_id>/end/", labels.end, name="labelled-event-end"),
]
