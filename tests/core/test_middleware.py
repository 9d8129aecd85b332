"""What every request passes: how many bytes are taken, however they are announced."""

import json
from io import BytesIO
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.test import RequestFactory

from core import middleware
from core.middleware import PayloadGuardMiddleware, limit_of


class Counting(BytesIO):
    """A connection that tells how much was taken from it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        part = super().read(size)
        self.taken += len(part)
        return part


def chunked(body: bytes, **environ: Any) -> tuple[HttpRequest, Counting]:
    stream = Counting(body)
    known = RequestFactory().post("/api/v1/outages", content_type="application/json").environ
    known |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": stream} | environ
    return WSGIRequest(known), stream


def guard(request: HttpRequest) -> tuple[HttpResponse, list[bytes]]:
    """The answer, and the bodies that came through."""
    bodies = []

    def through(request: HttpRequest) -> HttpResponse:
        bodies.append(request.body)
        return HttpResponse()

    return PayloadGuardMiddleware(through)(request), bodies


@pytest.fixture(autouse=True)
def limits(settings: Any) -> None:
    settings.MAX_REQUEST_BODY_SIZE_BYTES = 3 * 1024 * 1024
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
    settings.MAX_FILE_UPLOAD_SIZE_BYTES = 5 * 1024 * 1024
    settings.IMPORT_MAX_BYTES = 50 * 1024 * 1024


@pytest.mark.parametrize("size", [0, 5, 3 * 1024 * 1024])
def test_a_body_without_a_length_arrives_whole(size: int) -> None:
    request, _ = chunked(b"x" * size)
    answer, bodies = guard(request)
    assert (answer.status_code, bodies) == (200, [b"x" * size])
    assert request.META["CONTENT_LENGTH"] == str(size)


def test_a_large_body_without_a_length_is_not_held_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    original = middleware.SpooledTemporaryFile

    def noted(*args: Any, **given: Any) -> Any:
        made.append(original(*args, **given))
        return made[-1]

    monkeypatch.setattr(middleware, "SpooledTemporaryFile", noted)
    for size in (1024 * 1024, 1024 * 1024 + 1):
        assert guard(chunked(b"x" * size)[0])[0].status_code == 200
    assert [file._rolled for file in made] == [False, True]


def test_a_body_without_a_length_is_read_to_its_limit_only() -> None:
    request, stream = chunked(b"x" * (8 * 1024 * 1024))
    answer, bodies = guard(request)
    assert (answer.status_code, bodies) == (413, [])
    assert json.loads(answer.content)["limit_bytes"] == 3 * 1024 * 1024
    assert stream.taken <= 3 * 1024 * 1024 + 64 * 1024


def test_a_length_that_lies_beside_chunks_is_not_believed() -> None:
    answer, bodies = guard(chunked(b"x" * 100, CONTENT_LENGTH="5")[0])
    assert (answer.status_code, bodies) == (200, [b"x" * 100])
    answer, bodies = guard(chunked(b"x" * (4 * 1024 * 1024), CONTENT_LENGTH="5")[0])
    assert (answer.status_code, bodies) == (413, [])


def test_a_declared_length_above_the_limit_is_refused_unread() -> None:
    request = RequestFactory().post("/api/v1/outages", b"{}", content_type="application/json")
    request.META["CONTENT_LENGTH"] = str(3 * 1024 * 1024 + 1)
    assert guard(request)[0].status_code == 413


def test_no_more_than_the_declared_length_is_read() -> None:
    environ = (
        RequestFactory()
        .post("/api/v1/outages", b"x" * 100, content_type="application/json")
        .environ
    )
    answer, bodies = guard(WSGIRequest(environ | {"CONTENT_LENGTH": "5"}))
    assert (answer.status_code, bodies) == (200, [b"x" * 5])


def test_a_body_that_ends_before_its_declared_length_is_not_taken_for_whole() -> None:
    request = RequestFactory().post("/api/v1/outages", content_type="application/json")
    cut = {"CONTENT_LENGTH": "100", "wsgi.input": BytesIO(b"x" * 5)}
    with pytest.raises(UnreadablePostError):
        guard(WSGIRequest(request.environ | cut))


@pytest.mark.parametrize(
    ("path", "content_type", "limit"),
    [
        ("/api/v1/auth/login", "application/json", 64 * 1024),
        ("/api/v1/auth/login", "multipart/form-data; boundary=x", 64 * 1024),
        ("/api/v1/outages", "application/json", 3 * 1024 * 1024),
        ("/api/v1/outages/import", "application/json", 3 * 1024 * 1024),
        ("/api/v1/outages/import", "multipart/form-data; boundary=x", 50 * 1024 * 1024),
        ("/api/v1/outages/imports/", "multipart/form-data; boundary=x", 50 * 1024 * 1024),
        ("/api/v1/outages", "multipart/form-data; boundary=x", 5 * 1024 * 1024),
    ],
)
def test_each_address_has_its_limit(path: str, content_type: str, limit: int) -> None:
    assert limit_of(RequestFactory().post(path, b"x", content_type=content_type)) == limit
