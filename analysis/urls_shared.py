from django.urls import path

from analysis.pages import sharing

urlpatterns = [
    path("<str:signed>/", sharing.shared, name="shared-report"),
    path("<str:signed>/report.pdf", sharing.shared_pdf, name="shared-report-pdf"),
]
