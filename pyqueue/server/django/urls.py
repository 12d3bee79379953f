"""`path("pyqueue/", include("pyqueue.server.django.urls"))`."""

from __future__ import annotations

from django.urls import path

from .views import serve

app_name = "pyqueue"
urlpatterns = [path("<path:name>", serve, name="file")]
