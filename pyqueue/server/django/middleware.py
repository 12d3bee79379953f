"""Django middleware: a request with an `Idempotency-Key` takes effect once, however often it is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.utils.module_loading import import_string

from .. import protocol
from .._environ import Unreadable
from .._shield import Shield
from ..decisions import Keyed, Passes, Refused
from ..lease import SyncLease
from ..rules import Rules
from ..stores import Claimed, StoredResponse
from ..wsgi import admit
from ._attempt import Attempt, Visit, show
from ._http import head_of, headers_of_response, read_body, response_of
from .configuration import configuration
from .decorators import Marking, marking_of


class IdempotencyMiddleware:
    """By the same rules as `pyqueue.server.IdempotencyMiddleware`, with the options of the setting `PYQUEUE`.

    It stands after SessionMiddleware, AuthenticationMiddleware and CsrfViewMiddleware. The key is claimed
    when the view is known and what stands before has let the request through: a refused CSRF token, or a
    login that is required, costs no key. The view finds its claim as `request.pyqueue_claim`, which is `None`
    if the request is not guarded. The answer is what comes back to this middleware, with exceptions turned
    into responses: it is kept before the client gets it. Sessions are saved outside, after that.

    Under ASGI the view runs to its end, and its answer is kept, even if the client has gone.

    Raises:
        DeclarationError: the setting is wrong.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]):
        self._get_response = get_response
        self._configuration = configuration()
        self._rules = self._configuration.rules()
        self._any_view = self._configuration.rules_of({"required": False})
        self._views: dict[int, tuple[Marking, Rules]] = {}
        self._adds_slashes = _adds_slashes()
        self._shield = Shield()
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        visit = request._pyqueue = self._visit(request)
        if self._is_async:
            return self._answer_on_loop(request, visit)
        try:
            response = self._get_response(request)
            if visit.attempt is not None and response.streaming:
                visit.attempt.drain(response)
        except BaseException as error:
            if visit.attempt is not None:
                visit.attempt.break_off(error)
            raise
        return self._end(request, visit, response)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Claims the key of a request to a guarded view. Under ASGI it is called in the request's thread."""
        visit: Visit = request._pyqueue
        visit.marking = marking_of(view)
        match self._rules_for(visit.marking).judge(visit.head):
            case Passes():
                return None
            case Refused(response):
                return self._own(visit, self._rules.refused(response, visit.head))
            case Keyed() as keyed:
                visit.keyed = keyed
                if visit.body is None or len(visit.body) > keyed.rules.max_body:
                    refusal = visit.refusal or protocol.too_large(keyed.rules.max_body)
                    return self._own(visit, self._rules.refused(refusal, visit.head, keyed.key))
                return self._claim(request, visit, keyed, visit.body)

    def _visit(self, request: Any) -> Visit:
        """Reads the body of a request with a key: later a form with files may have been parsed."""
        request.pyqueue_claim = None
        visit = Visit(head_of(request))
        if visit.head.all(b"idempotency-key"):
            try:
                judged = self._rules.judge(visit.head)
                rules = judged.rules if isinstance(judged, Keyed) else self._rules
                visit.body = read_body(request, rules.max_body)
            except Unreadable as unreadable:
                visit.refusal = unreadable.response
        return visit

    def _rules_for(self, marking: Marking | None) -> Rules:
        if marking is None:
            return self._rules
        if id(marking) not in self._views:
            self._views[id(marking)] = marking, self._configuration.rules_of(marking.options)
        return self._views[id(marking)][1]

    def _claim(self, request: Any, visit: Visit, keyed: Keyed, body: bytes) -> HttpResponse | None:
        store: Any = self._configuration.store
        principal = self._configuration.principal(request)
        admitted = admit(getattr(store, "in_request", store.sync), keyed, principal, body)
        if not isinstance(admitted, Claimed):
            return self._own(visit, admitted)
        request.pyqueue_claim = admitted
        visit.attempt = Attempt(keyed, SyncLease(store.sync, admitted, keyed.report))
        return None

    def _own(self, visit: Visit, answer: StoredResponse) -> HttpResponse:
        visit.answered = True
        return response_of(answer)

    def _end(self, request: HttpRequest, visit: Visit, response: Any) -> HttpResponseBase:
        if visit.attempt is not None:
            return cast(HttpResponseBase, visit.attempt.settle(response))
        keyed = visit.keyed or self._any_view.judge(visit.head)
        if visit.answered or not isinstance(keyed, Keyed):
            return cast(HttpResponseBase, response)
        if response.status_code == 404 and self._adds_slashes(request):
            # Django's own redirect is a 301, with which clients drop the body.
            target = request.get_full_path(force_append_slash=True)
            response = response_of(StoredResponse(308, ((b"location", target.encode("latin-1")),)))
        head = StoredResponse(response.status_code, headers_of_response(response))
        return cast(HttpResponseBase, show(response, head, keyed))

    async def _answer_on_loop(self, request: HttpRequest, visit: Visit) -> HttpResponseBase:
        if visit.body is None:
            return cast(HttpResponseBase, self._end(request, visit, await self._get_response(request)))
        try:
            await self._shield.run(self._run(request, visit), may_be_cut=lambda: visit.keyed is None)
        except BaseException:
            visit.left = True
            raise
        return cast(HttpResponseBase, visit.response)

    async def _run(self, request: HttpRequest, visit: Visit) -> None:
        try:
            response = await self._get_response(request)
            if visit.attempt is not None and response.streaming:
                await _drain(visit.attempt, response)
        except BaseException as error:
            if visit.attempt is not None:
                await sync_to_async(visit.attempt.break_off)(error)
            raise
        visit.response = await sync_to_async(self._end)(request, visit, response)
        if visit.left:  # Nobody closes it, and so the thread's connections to databases.
            await sync_to_async(visit.response.close)()


async def _drain(attempt: Attempt, response: Any) -> None:
    if response.is_async:
        await attempt.adrain(response)
    else:
        await sync_to_async(attempt.drain)(response)
        attempt.hand_over(response)


def _adds_slashes() -> Callable[[HttpRequest], bool]:
    """Whether Django would redirect a request to the same path with a slash."""
    for path in settings.MIDDLEWARE:
        found = import_string(path)
        if isinstance(found, type) and issubclass(found, CommonMiddleware):
            common = found(lambda request: HttpResponse())
            return lambda request: bool(common.should_redirect_with_slash(request))
    return lambda request: False
