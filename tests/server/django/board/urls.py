"""A view for each thing that a view may do. The label of its effect is the query."""

from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_required
from django.db import connection, transaction
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie

from pyqueue.server.django import complete_in, idempotent
from pyqueue.server.django.models import IdempotencyKey

from .models import Effect


def effect(request):
    return Effect.objects.create(label=request.META["QUERY_STRING"])


def count(request):
    return JsonResponse({"effects": Effect.objects.filter(label=request.META["QUERY_STRING"]).count()})


@idempotent
def marked(request):
    effect(request)
    request.session["visits"] = request.session.get("visits", 0) + 1
    response = HttpResponse("made", status=201, headers={"X-From": "the view"})
    response.set_cookie("of", "the view")
    return response


def unmarked(request):
    effect(request)
    return HttpResponse("made", status=201)


@idempotent
def refused(request):
    effect(request)
    return HttpResponse("not yours", status=403)


@idempotent(keep=lambda response: True, ttl=1000)
def kept(request):
    effect(request)
    return HttpResponse("gone", status=410)


@idempotent
def crashing(request):
    effect(request)
    raise RuntimeError("the view crashed")


@idempotent(wait=20.0)
def patient(request):
    effect(request)
    return HttpResponse("made", status=201)


@idempotent
def body(request):
    effect(request)
    return HttpResponse(str(len(request.body)))


@idempotent
def form(request):
    effect(request)
    return JsonResponse(
        {
            "text": request.POST.get("text"),
            "files": {name: len(file.read()) for name, file in request.FILES.items()},
        }
    )


@ensure_csrf_cookie
def token(request):
    return HttpResponse(request.META["CSRF_COOKIE"])


@idempotent
def streamed(request):
    effect(request)
    return StreamingHttpResponse((b"x" * 1000 for _ in range(int(request.headers["x-parts"]))), status=202)


@idempotent
async def streamed_on_loop(request):
    await Effect.objects.acreate(label=request.META["QUERY_STRING"])

    async def parts():
        for _ in range(int(request.headers["x-parts"])):
            yield b"x" * 1000

    return StreamingHttpResponse(parts(), status=202)


@idempotent
def broken_stream(request):
    effect(request)

    def parts():
        yield b"half"
        raise RuntimeError("the stream broke")

    return StreamingHttpResponse(parts())


@idempotent
async def on_loop(request):
    await Effect.objects.acreate(label=request.META["QUERY_STRING"])
    return HttpResponse("made", status=201)


@idempotent(atomic=True)
def atomic(request):
    effect(request)
    status = int(request.headers.get("x-status", "201"))
    return HttpResponse("made", status=status)


@idempotent(atomic=True)
def losing(request):
    effect(request)
    IdempotencyKey.objects.filter(token=request.pyqueue_claim.token).update(token="of another attempt")
    return HttpResponse("made", status=201)


@idempotent(atomic=True)
def atomic_template(request):
    effect(request)
    return TemplateResponse(
        request, engines["django"].from_string("made by {{ what }}"), {"what": "a template"}
    )


@idempotent(atomic=True)
def atomic_stream(request):
    effect(request)
    return StreamingHttpResponse([b"made"])


@method_decorator(idempotent(atomic=True), name="dispatch")
class Posted(View):
    def post(self, request):
        effect(request)
        return HttpResponse("made", status=201)


@idempotent
def by_hand(request):
    with transaction.atomic():
        effect(request)
        complete_in(connection, request, HttpResponse("made by hand", status=201))
    return HttpResponse("something else", status=500 if "x-fail" in request.headers else 200)


@login_required
def private(request):
    effect(request)
    return HttpResponse("made", status=201)


def sign_in(request):
    user, _ = get_user_model().objects.get_or_create(username=request.META["QUERY_STRING"])
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(str(user.pk))


views = {
    "marked": marked,
    "unmarked": unmarked,
    "refused": refused,
    "kept": kept,
    "crashing": crashing,
    "patient": patient,
    "body": body,
    "streamed": streamed,
    "streamed-on-loop": streamed_on_loop,
    "broken-stream": broken_stream,
    "on-loop": on_loop,
    "atomic": atomic,
    "atomic-template": atomic_template,
    "atomic-stream": atomic_stream,
    "losing": losing,
    "class": Posted.as_view(),
    "by-hand": by_hand,
    "private": private,
    "slashed/": unmarked,
}
urlpatterns = [
    path("", count),
    path("token", token),
    path("sign-in", sign_in),
    path("form", form),
    path("pyqueue/", include("pyqueue.server.django.urls")),
    *(path(route, csrf_exempt(view)) for route, view in views.items()),
]
