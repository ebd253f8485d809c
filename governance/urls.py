from django.urls import path

from governance.pages import audit

urlpatterns = [
    path("audit/", audit.trail, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
]
