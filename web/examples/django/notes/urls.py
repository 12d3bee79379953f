import json

from django.http import JsonResponse
from django.shortcuts import render
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from pyqueue.server.django import idempotent

from .models import Comment


def page(request):
    return render(request, "page.html", {"comments": Comment.objects.all()})


@csrf_exempt
@idempotent(atomic=True)
def comment(request):
    made = Comment.objects.create(text=json.loads(request.body)["text"])
    return JsonResponse({"id": made.pk}, status=201)


urlpatterns = [
    path("", page),
    path("comments", comment),
    path("pyqueue/", include("pyqueue.server.django.urls")),
]
