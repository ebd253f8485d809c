from django.urls import path

from observability.pages import jobs

urlpatterns = [
    path("jobs/", jobs.listing, name="jobs"),
    path("jobs/<int:job_id>/retry/", jobs.retry, name="job-retry"),
]
