"""The routes under /jobs and /imports."""

from django.urls import re_path

from jobs.api import views

JOB = r"(?P<job_id>[^/]+)"

urlpatterns = [
    re_path(r"^jobs/?$", views.JobListView.as_view(), name="jobs"),
    re_path(rf"^jobs/{JOB}/?$", views.JobView.as_view(), name="job"),
    re_path(rf"^jobs/{JOB}/progress/?$", views.JobProgressView.as_view(), name="job-progress"),
    re_path(rf"^jobs/{JOB}/errors/?$", views.JobErrorsView.as_view(), name="job-errors"),
    re_path(rf"^imports/{JOB}/status/?$", views.ImportStatusView.as_view(), name="import-status"),
]
