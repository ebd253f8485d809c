from django.urls import path

from governance.pages import audit

urlpatterns = [
    path("audit.csv", audit.export_csv, name="audit-csv"),
    path("audit.jsonl", audit.export_jsonl, name="audit-jsonl"),
]
