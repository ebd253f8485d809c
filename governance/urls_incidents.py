from django.urls import path

from governance.pages import actions, documents, incidents, postmortems

urlpatterns = [
    path("incidents/", incidents.incidents, name="incidents"),
    path("incidents/open/", incidents.open_incident, name="incident-open"),
    path("incidents/<int:key>/", incidents.incident, name="incident"),
    *(
        path(f"incidents/<int:key>/{step}/", incidents.step, {"step": step}, name=f"incident-{step}")
        for step in incidents.STEPS
    ),
    path("postmortems/", postmortems.postmortems, name="postmortems"),
    path("postmortems/<int:id>/", postmortems.postmortem, name="postmortem"),
    *(
        path(f"postmortems/<int:id>/{step}/", postmortems.step, {"step": step}, name=f"postmortem-{step}")
        for step in postmortems.STEPS
    ),
    path("actions/", actions.actions, name="actions"),
    *(
        path(f"actions/<int:id>/{step}/", actions.settle, {"step": step}, name=f"action-{step}")
        for step in actions.STEPS
    ),
    path("actions/<int:id>/hand-over/", actions.hand_over, name="action-hand-over"),
    path("documents/", documents.design_documents, name="design-documents"),
    path("documents/new/", documents.register, name="design-document-new"),
    path("documents/template/", documents.template, name="design-document-template"),
    path("documents/<int:id>/", documents.design_document, name="design-document"),
    path("digests/", documents.digests, name="digests"),
    path("digests/<str:week>/", documents.digest, name="digest"),
]
