from collections.abc import Iterator

import pytest
from django.conf import settings as configured
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver


def routes(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        whole = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield whole
        elif whole != configured.ADMIN_PATH:
            yield from routes(pattern, whole)


def test_every_route_takes_both_forms() -> None:
    for route in routes(get_resolver()):
        assert route.endswith("/?$"), route


def test_the_api_is_mounted_on_its_prefix() -> None:
    prefix = configured.API_V1_PREFIX.strip("/")
    inside = [route for route in routes(get_resolver()) if prefix in route]
    assert len(inside) > 20


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere/", "/health/x"])
def test_an_unknown_address_is_a_problem_document(path: str, client: Client) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "route_not_found")
    assert answer["Content-Type"] == "application/problem+json"
    assert client.post(path).status_code == 404


def test_an_unknown_host_is_a_problem_document(client: Client) -> None:
    answer = client.get("/openapi.json", headers={"host": "evil.example.com"})
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_crash_is_a_problem_document_that_tells_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("config.documents.render", lambda *_: 1 / 0)
    answer = client.get("/docs")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert b"division" not in answer.content


def test_a_preflight_names_what_a_web_client_may_send_and_read(client: Client, settings) -> None:
    origin = settings.CORS_ALLOWED_ORIGINS[0]
    asked = {"origin": origin, "access-control-request-method": "PATCH"}
    answer = client.options("/api/v1/outages", headers=asked)
    assert answer["Access-Control-Allow-Origin"] == origin
    assert answer["Access-Control-Allow-Credentials"] == "true"
    assert answer["Access-Control-Max-Age"] == "600"
    assert "idempotency-key" in answer["Access-Control-Allow-Headers"]
    assert "X-Correlation-ID" in answer
    refused = client.get("/api/v1/outages", headers={"origin": origin})
    assert "Idempotency-Replayed" in refused["Access-Control-Expose-Headers"]
    foreign = client.get("/health", headers={"origin": "https://evil.example.com"})
    assert "Access-Control-Allow-Origin" not in foreign
