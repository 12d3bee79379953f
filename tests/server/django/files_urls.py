"""A site that serves the browser files itself."""

from django.urls import include, path

urlpatterns = [path("at/", include("pyqueue.server.django.urls"))]
