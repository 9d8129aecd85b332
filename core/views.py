"""The base of every API view: reads, runs one verb, answers; idempotency and ETags on the way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.views import APIView

from core import events, idempotency, limits, notices, rendering
from core.actors import Actor
from core.callers import client_address, counted_address
from core.preconditions import etag_of
from core.problems import translate


@dataclass
class Answer:
    """What a handler answers. ``body`` now, or ``subject``: what ``represent`` is asked for later.

    A writing handler gives a subject, because its answer is read after the commit, when the
    reactions have run, and again when an idempotent repeat has lost the first body. ``form``
    stands in for ``represent`` where the handler still holds what that would read.
    ``secrets`` are members shown once and kept nowhere.
    """

    body: Any = None
    subject: str = ""
    form: Callable[[], Any] | None = None
    status: int = 200
    location: str = ""
    version: int | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class ApiView(APIView):
    """One resource. Handlers return an Answer, a plain body, or an HttpResponse (files)."""

    honours_idempotency_key: ClassVar[bool] = True
    cache_control: ClassVar[str] = "private, no-cache"
    takes_keys: ClassVar[bool] = True  # whether API keys open it at all
    # Whether it opens to people who still lack the second factor that a role of theirs demands.
    opens_to_one_factor: ClassVar[bool] = False
    # Whether a write by cookies needs no CSRF token, only a page of ours.
    origin_is_enough: ClassVar[bool] = False
    shown_once: ClassVar[tuple[str, ...]] = ()  # what its answers may carry as ``secrets``
    bucket: ClassVar[limits.Bucket | None] = limits.CALLS  # None: not counted, or by the handler
    count: limits.Count | None = None

    def represent(self, subject: str) -> Any:
        """The body that tells of this subject as it is now."""
        raise LookupError(f"{type(self).__name__} has no representation")

    @property
    def actor(self) -> Actor:
        actor: Any = self.request.user
        assert isinstance(actor, Actor)  # noqa: S101 - IsKnown let nobody else in
        return actor

    @property
    def at(self) -> datetime:
        """The instant of this request: the one clock reading of everything it does."""
        if not hasattr(self, "_at"):
            self._at = timezone.now()
        return self._at

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers: dict[str, str] = {}
        try:
            self.initial(self.request, *args, **kwargs)
            with events.delivering_at_most(events.IN_REQUEST_LIMIT), notices.one_for_all():
                response = self._answer(self.request)
        # The same refusals whether DRF's own steps or a verb raised them.
        except Exception as error:  # noqa: BLE001
            response = self.handle_exception(error)
        if self.count is not None:
            for name, value in self.count.headers().items():
                response[name] = value
        return response

    def perform_authentication(self, request: Request) -> None:
        """Learn who is asking, and count it: for them, or for the address of a stranger."""
        try:
            caller: object = request.user
        except Exception:
            self._count(None)
            raise
        self._count(caller)

    def _count(self, caller: object) -> None:
        if self.bucket is None or self.request.method == "OPTIONS":
            return
        if not isinstance(caller, Actor):
            address = client_address(self.request._request)
            self.take(self.limit_of_stranger(), counted_address(address))
        elif caller.key_id:
            self.take(self.bucket.of_machine(caller.key_rate_rpm), caller.key_id)
        else:
            self.take(self.bucket.of_person(), caller.id)

    def limit_of_stranger(self) -> limits.Limit:
        """How often a client address may call that has not signed in."""
        return limits.of_stranger()

    def take(self, limit: limits.Limit, key: str) -> None:
        """Count this request; its answer says where the caller stands. Raises: TooMany."""
        self.count = limits.take(limit, key, at=self.at)
        self.count.require()

    def options(  # type: ignore[override]
        self, request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        return HttpResponse(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def handle_exception(  # type: ignore[override]
        self, exc: Exception
    ) -> HttpResponseBase:
        error = translate(exc)
        if "_allow" not in error.members and error.code == "method_not_allowed":
            error.members["_allow"] = ", ".join(self.allowed_methods)
        handler = self.get_exception_handler()
        answer: HttpResponseBase = handler(error, {"request": self.request, "view": self})
        answer["Vary"] = "Authorization, Cookie, Origin"
        return answer

    def _answer(self, request: Request) -> HttpResponseBase:
        method = (request.method or "").lower()
        handler: Any = getattr(self, method, self.http_method_not_allowed)
        if method not in self.http_method_names:
            handler = self.http_method_not_allowed
        if method in ("post", "put", "patch", "delete") and self.honours_idempotency_key:
            use = idempotency.wanted(request)
            if use is not None:
                return self._once(use, handler)
        return self._render(handler(request, *self.args, **self.kwargs))

    def _once(self, use: idempotency.Use, handler: Any) -> HttpResponseBase:
        with transaction.atomic():
            earlier = idempotency.claim(use)
            if earlier is None:
                answer = self._wrap(handler(self.request, *self.args, **self.kwargs))
                idempotency.keep(use, answer.status, answer.location, answer.subject)
        if earlier is not None:
            return self._replay(earlier)
        response = self._render(answer)
        if isinstance(response, HttpResponse):
            kept = response.content
            if answer.secrets:
                kept = rendering.dumps(self._body(answer) | dict.fromkeys(answer.secrets))
            idempotency.keep_body(use, kept)
        return response

    def _replay(self, earlier: idempotency.Earlier) -> HttpResponse:
        if earlier.status == 204:
            response = HttpResponse(status=204)
        else:
            body = earlier.body
            if body is None:
                form = self.represent(earlier.subject)
                if self.shown_once:
                    form |= dict.fromkeys(self.shown_once)
                body = rendering.dumps(form)
            response = HttpResponse(body, status=earlier.status, content_type="application/json")
        if earlier.location:
            response["Location"] = earlier.location
        response["Idempotency-Replayed"] = "true"
        response["Cache-Control"] = "no-store"
        return response

    @staticmethod
    def _wrap(result: Any) -> Answer:
        return result if isinstance(result, Answer) else Answer(body=result)

    def _body(self, answer: Answer) -> Any:
        body = answer.body
        if body is None:
            body = answer.form() if answer.form else self.represent(answer.subject)
        return body | dict(answer.secrets) if answer.secrets else body

    def _render(self, result: Any) -> HttpResponseBase:
        if isinstance(result, HttpResponseBase):
            return result
        answer = self._wrap(result)
        if answer.status == 204:
            response = HttpResponse(status=204)
        else:
            content = rendering.dumps(self._body(answer))
            response = HttpResponse(content, status=answer.status, content_type="application/json")
            if answer.version is not None:
                etag = etag_of(answer.version, content)
                response["ETag"] = etag
                if self.request.method in ("GET", "HEAD") and _matches(self.request, etag):
                    response = HttpResponse(status=304)
                    response["ETag"] = etag
        response["Cache-Control"] = "no-store" if answer.secrets else self.cache_control
        response["Vary"] = "Authorization, Cookie, Origin"
        if answer.location:
            response["Location"] = answer.location
        for name, value in answer.headers.items():
            response[name] = value
        return response


def _matches(request: Request, etag: str) -> bool:
    given = request.headers.get("If-None-Match", "")
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return bool(given) and (etag in tags or "*" in tags)
