import json

from django.http import JsonResponse
from django.shortcuts import render
from django.urls import include, path

from pyqueue.server.django import idempotent

from .models import Comment


def page(request):
    return render(request, "page.html", {"comments": Comment.objects.all()})


@idempotent(atomic=True)
def comment(request):
    made = Comment.objects.create(text=json.loads(request.body)["text"])
    return JsonResponse({"id": made.pk}, status=201)


urlpatterns = [
    path("", page),
    path("comments", comment),
    path("pyqueue/", include("pyqueue.server.django.urls")),
]
