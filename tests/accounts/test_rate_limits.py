"""How often one may call, and what every answer says about it."""

from typing import Any

import pytest
from django.http import HttpResponse
from pytest_django import Settings

from config.urls import urlpatterns
from core import limits
from core.views import ApiView
from tests import world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def few(settings: Settings) -> None:
    settings.RATE_LIMIT_USER_RPM, settings.RATE_LIMIT_RPM = 5, 3
    settings.RATE_LIMIT_ANON_RPM, settings.RATE_LIMIT_HEAVY_RPM = 4, 2
    settings.AUTH_RATE_LIMIT_REQUESTS, settings.AUTH_RATE_LIMIT_WINDOW_SECONDS = 6, 300


def told(answer: HttpResponse) -> tuple[int, str, str]:
    return answer.status_code, answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]


def refused(answer: HttpResponse, code: str = "rate_limited") -> bool:
    if answer.status_code != 429:
        return False
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert 1 <= int(answer["Retry-After"]) <= 3600
    assert answer.json()["retry_after"] == int(answer["Retry-After"])
    return True


def test_a_person_calls_so_often_and_each_answer_says_how_often_still() -> None:
    client = world.client("engineer")
    answers = [client.get("/outages") for _ in range(6)]
    assert [told(each) for each in answers] == [
        *((200, "5", str(rest)) for rest in (4, 3, 2, 1, 0)),
        (429, "5", "0"),
    ]
    assert refused(answers[5])
    assert answers[5]["Retry-After"] == answers[5]["X-RateLimit-Reset"]
    assert all(1 <= int(each["X-RateLimit-Reset"]) <= 60 for each in answers)


def test_a_person_is_counted_over_all_their_sessions_and_apart_from_others() -> None:
    user = world.standing("engineer")
    for _ in range(5):
        world.client(user=user).get("/outages")
    assert refused(world.client(user=user).get("/outages"))
    assert world.client("viewer").get("/outages").status_code == 200


def test_what_was_refused_changed_nothing() -> None:
    client = world.client("engineer")
    for _ in range(5):
        client.get("/outages")
    before = world.everything()
    assert refused(client.post("/outages", {"site_name": "x"}))
    assert world.everything() == before


def test_problems_say_it_too() -> None:
    answer = world.client("engineer").get("/outages/OUT-404")
    assert told(answer) == (404, "5", "4")


def test_a_machine_is_counted_by_its_key() -> None:
    user = world.standing("engineer")
    for number in range(2):
        key = world.Client(world.api_key(user).raw_key)
        assert [told(key.get("/outages"))[1:] for _ in range(3)] == [
            ("3", "2"),
            ("3", "1"),
            ("3", "0"),
        ], number
        assert refused(key.get("/outages"))
    assert world.client(user=user).get("/outages").status_code == 200


def test_a_key_may_have_a_number_of_its_own() -> None:
    user = world.standing("engineer")
    key = world.Client(world.api_key(user, rate_rpm=1).raw_key)
    assert told(key.get("/outages")) == (200, "1", "0")
    assert refused(key.get("/outages"))


def test_a_stranger_is_counted_by_address_before_they_are_turned_away() -> None:
    client = world.Client()
    assert [client.get("/outages").status_code for _ in range(5)] == [401, 401, 401, 401, 429]


def test_tokens_that_are_none_do_not_escape_the_count() -> None:
    for _ in range(4):
        assert world.Client("eyJ.no.token").get("/outages").status_code == 401
    assert refused(world.Client("eyJ.no.token").get("/outages"))


def test_a_forged_forwarded_for_does_not_begin_a_count_anew() -> None:
    client = world.Client()
    codes = [client.get("/outages", X_Forwarded_For=f"203.0.113.{n}").status_code for n in range(5)]
    assert codes == [401, 401, 401, 401, 429]


def test_behind_a_proxy_each_client_counts_for_itself_and_ipv6_by_its_network(
    settings: Settings,
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    client = world.Client()

    def from_(address: str) -> int:
        return client.get("/outages", X_Forwarded_For=address).status_code

    assert [from_(f"2001:db8:1:2::{n}") for n in range(5)] == [401, 401, 401, 401, 429]
    assert from_("2001:db8:1:3::1") == 401
    assert from_("203.0.113.9") == 401


@pytest.mark.django_db(transaction=True)
def test_heavy_routes_are_counted_apart() -> None:
    client = world.client("engineer")
    answers = []
    for _ in range(3):
        answers.append(client.get("/outages/export"))
        list(answers[-1])  # it is a stream, in a transaction of its own
    assert [told(each) for each in answers] == [(200, "2", "1"), (200, "2", "0"), (429, "2", "0")]
    assert told(client.get("/outages")) == (200, "5", "4")


def test_imports_bulk_calls_and_exports_are_heavy() -> None:
    words = ("import", "imports", "bulk", "export", "simulate")
    light = {
        path
        for path, view in views()
        if path.endswith(tuple(f"/{word}/?$" for word in words)) and view.bucket != limits.HEAVY
    }
    assert light == set()


def test_health_and_preflights_are_free() -> None:
    client = world.Client()
    for _ in range(6):
        answer = client.get("/health")
        assert answer.status_code == 200
        assert "X-RateLimit-Limit" not in answer
    for _ in range(6):
        answer = client.request(
            "OPTIONS",
            "/outages",
            Origin="http://localhost:3000",
            Access_Control_Request_Method="GET",
        )
        assert answer.status_code < 300
    assert client.get("/outages").status_code == 401


def test_only_these_are_free_or_count_by_session() -> None:
    free = {path for path, view in views() if view.bucket is None}
    assert free == {
        "api/v1/health/?$",
        "^health/?$",
        "^health/liveness/?$",
        "^health/readiness/?$",
        "^health/ready/?$",
        "api/v1/^auth/refresh/?$",
        "api/v1/^auth/logout/?$",
        "api/v1/^auth/logout-all/?$",
        "api/v1/^auth/revoke/?$",
        "api/v1/^auth/events/?$",
    }


def views() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []

    def walk(patterns: list[Any], prefix: str) -> None:
        for each in patterns:
            here = prefix + str(each.pattern)
            if hasattr(each, "url_patterns"):
                walk(each.url_patterns, here)
                continue
            view = getattr(each.callback, "view_class", None)
            if view is not None and issubclass(view, ApiView):
                found.append((here.replace("^api/v1/", "api/v1/"), view))

    walk(urlpatterns, "")
    return found


def test_with_redis_away_requests_are_answered_and_counted_all_the_same(
    settings: Settings,
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limits._windows.cache_clear()
    client = world.client("engineer")
    answers = [client.get("/outages") for _ in range(6)]
    limits._windows.cache_clear()
    assert [each.status_code for each in answers] == [200, 200, 200, 200, 200, 429]
    assert [each["X-RateLimit-Remaining"] for each in answers] == ["4", "3", "2", "1", "0", "0"]


# --- The doors of sign-in ------------------------------------------------------------------------
def test_login_and_verify_share_one_count_by_address() -> None:
    client = world.Client()
    for n in range(3):
        assert client.post("/auth/login", {"email": f"{n}@b.test", "password": "no"}).status_code
        client.post("/auth/login/verify", {"challenge": "x", "code": "123456"})
    assert refused(client.post("/auth/login", {"email": "z@b.test", "password": "no"}))
    assert refused(client.post("/auth/login/verify", {"challenge": "x", "code": "123456"}))
    assert client.get("/auth/me").status_code == 401  # strangers' calls are another count


def test_another_address_still_gets_to_the_door(settings: Settings) -> None:
    settings.TRUSTED_PROXY_COUNT = 1
    client, given = world.Client(), {"email": "a@b.test", "password": "no"}
    for _ in range(6):
        client.post("/auth/login", given, X_Forwarded_For="192.0.2.1")
    assert refused(client.post("/auth/login", given, X_Forwarded_For="192.0.2.1"))
    answer = client.post("/auth/login", given, X_Forwarded_For="192.0.2.2")
    assert answer.status_code == 401


def test_newcomers_are_counted_by_the_hour() -> None:
    client = world.Client()
    for _ in range(10):
        assert client.post("/auth/register", {}).status_code == 422
        assert client.post("/auth/password/forgot", {"email": "a@b.test"}).status_code == 202
    assert refused(client.post("/auth/register", {}))
    assert refused(client.post("/auth/password/forgot", {"email": "a@b.test"}))


def test_an_administrator_who_adds_colleagues_is_no_newcomer(settings: Settings) -> None:
    settings.RATE_LIMIT_USER_RPM = 100
    client = world.client("admin")
    for _ in range(21):
        assert client.post("/auth/register", {}).status_code == 422


def test_a_session_refreshes_thirty_times_a_minute_wherever_it_calls_from() -> None:
    user = world.person("viewer", password=world.PASSWORD)
    client = world.Client()
    pair = client.post("/auth/login", {"email": user.email, "password": world.PASSWORD}).json()
    for _ in range(30):
        answer = client.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
        assert answer.status_code == 200
        pair = answer.json()
    assert refused(client.post("/auth/refresh", {"refresh_token": pair["refresh_token"]}))
    other = world.person("viewer", password=world.PASSWORD)
    login = client.post("/auth/login", {"email": other.email, "password": world.PASSWORD}).json()
    answer = client.post("/auth/refresh", {"refresh_token": login["refresh_token"]})
    assert answer.status_code == 200
