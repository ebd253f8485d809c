from django.urls import path

from governance.api import documents, incidents, postmortems

urlpatterns = [
    path("incidents", incidents.Incidents.as_view()),
    path("incidents/<int:id>", incidents.OneIncident.as_view()),
    path("incidents/<int:id>/acknowledge", incidents.Acknowledge.as_view()),
    path("incidents/<int:id>/mitigate", incidents.Mitigate.as_view()),
    path("incidents/<int:id>/close", incidents.Close.as_view()),
    path("incidents/<int:id>/timeline", incidents.Timeline.as_view()),
    path("incidents/<int:id>/notes", incidents.Notes.as_view()),
    path("incidents/<int:id>/guardrails", incidents.RetroGuardrails.as_view()),
    path("incidents/<int:id>/guardrails/<int:guardrail>/accept", incidents.AcceptGuardrail.as_view()),
    path("postmortems", postmortems.Postmortems.as_view()),
    path("postmortems/<int:id>", postmortems.OnePostmortem.as_view()),
    path("postmortems/<int:id>/review", postmortems.ReviewPostmortem.as_view()),
    path("postmortems/<int:id>/publish", postmortems.PublishPostmortem.as_view()),
    path("action-items", postmortems.Actions.as_view()),
    path("action-items/<int:id>", postmortems.OneAction.as_view()),
    path("action-items/<int:id>/finish", postmortems.FinishAction.as_view()),
    path("action-items/<int:id>/hand-over", postmortems.HandOverAction.as_view()),
    path("action-items/<int:id>/drop", postmortems.DropAction.as_view()),
    path("design-documents", documents.DesignDocuments.as_view()),
    path("design-documents/template", documents.DocumentTemplate.as_view()),
    path("design-documents/<int:id>", documents.OneDocument.as_view()),
    path("digests", documents.Digests.as_view()),
    path("digests/<str:week>", documents.OneDigest.as_view()),
]
