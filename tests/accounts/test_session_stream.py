"""A client hears at once that its session is over: a real stream process, another that ends it."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection
from django.utils import timezone

from accounts import policy, queries, services
from accounts.api.views import streams as view
from accounts.choices import SessionState
from accounts.models import Session, User
from core import streams
from tests import world
from tests.contracts import api
from tests.contracts.streams import OPENED, PATH, Ear, Streams, streaming
from tests.contracts.web import Told

pytestmark = pytest.mark.django_db(transaction=True)

SOON = 2.0


@pytest.fixture(scope="module")
def stream(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    """Its heart beats too seldom to help."""
    with streaming(tmp_path_factory.mktemp("s"), STREAM_HEARTBEAT_SECONDS="600") as made:
        yield made


@pytest.fixture(scope="module")
def beating(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streams]:
    """Its heart beats each second, and it has three places."""
    environment = {"STREAM_HEARTBEAT_SECONDS": "1", "STREAM_LIMIT": "3"}
    with streaming(tmp_path_factory.mktemp("b"), **environment) as made:
        yield made


@pytest.fixture
def session() -> Session:
    return world.session(world.person("viewer"))


def token_of(session: Session) -> str:
    return world.access_token(session.user, session)


def refresh_token(session: Session, generation: int) -> str:
    return policy.sign_token(
        "refresh",
        user_id=session.user_id,
        session_id=session.id,
        at=timezone.now(),
        expires_at=session.expires_at,
        key=configured.JWT_SECRET_KEY,
        generation=generation,
    )


def ended(reason: str, code: str) -> bytes:
    data = f'{{"reason":"{reason}","code":"{code}"}}'
    return f"event: session_revoked\ndata: {data}\n\n".encode()


def refused(ear: Ear, status: int, code: str) -> Told:
    told = ear.refusal()
    assert told.status == status
    assert not api.what_is_wrong(status, told.headers["Content-Type"], told.content)
    assert told.json()["code"] == code
    assert told.headers["X-Correlation-Id"] == told.json()["correlation_id"]
    assert told.headers["Cache-Control"] == "no-store"
    return told


def test_the_end_of_a_session_is_heard_within_two_seconds(
    stream: Streams, session: Session
) -> None:
    ear = stream.listen(token_of(session))
    assert ear.listen(5, until=OPENED) == OPENED
    services.revoke_all_sessions(
        session.user_id, reason="logout_all", actor=world.nobody(), at=timezone.now()
    )
    assert ear.listen(SOON) == OPENED + ended("admin_logout", "logout_all")
    assert ear.is_over


def test_a_sign_out_by_http_is_heard_too(stream: Streams, session: Session) -> None:
    ear = stream.listen(token_of(session))
    assert world.Client(token_of(session)).post("/auth/logout").status_code == 200
    assert ear.listen(SOON) == OPENED + ended("session_expired", "logout")


def test_others_go_on_listening(stream: Streams, session: Session) -> None:
    other = stream.listen(token_of(world.session(session.user)))
    ear = stream.listen(token_of(session))
    services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())
    ear.listen(SOON, until=b"session_revoked")
    assert other.listen(0.5) == OPENED
    assert not other.is_over
    other.hang_up()


def test_every_tab_of_a_session_hears_of_its_end(stream: Streams, session: Session) -> None:
    ears = [stream.listen(token_of(session)) for _ in range(3)]
    services.disable_user(session.user_id, actor=world.actor("admin"), at=timezone.now())
    for ear in ears:
        assert ear.listen(SOON) == OPENED + ended("admin_logout", "user_disabled")


def test_it_is_a_stream_that_nobody_keeps_back(stream: Streams, session: Session) -> None:
    ear = stream.listen(token_of(session), "Origin: http://localhost:3000")
    assert ear.status == 200
    assert ear.headers["content-type"] == "text/event-stream"
    assert ear.headers["cache-control"] == "no-store"
    assert ear.headers["x-accel-buffering"] == "no"
    assert ear.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in ear.headers["content-security-policy"]
    assert "x-correlation-id" in ear.headers
    assert "x-api-version" in ear.headers
    assert ear.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert ear.headers["connection"] == "close"  # the next request may be for another process
    ear.hang_up()


def test_its_head_can_be_asked_for(stream: Streams, session: Session) -> None:
    told = stream.request("HEAD", PATH, token=token_of(session))
    assert (told.status, told.content) == (200, b"")
    assert told.headers["content-type"] == "text/event-stream"
    assert stream.request("POST", PATH, {}, token_of(session)).status == 405


def test_the_cookies_of_a_browser_open_it(stream: Streams, session: Session) -> None:
    access = f"{configured.AUTH_COOKIE_ACCESS_NAME}={token_of(session)}"
    ear = stream.listen("", f"Cookie: {access}")
    assert ear.status == 200
    ear.hang_up()


def test_the_refresh_cookie_will_do_and_is_not_used_up(stream: Streams, session: Session) -> None:
    Session.objects.filter(id=session.id).update(generation=3)
    refresh = f"{configured.AUTH_COOKIE_REFRESH_NAME}={refresh_token(session, 3)}"
    stale = f"{configured.AUTH_COOKIE_ACCESS_NAME}=nonsense"
    ear = stream.listen("", f"Cookie: {stale}; {refresh}")
    assert ear.status == 200
    assert "set-cookie" not in ear.headers
    session.refresh_from_db()
    assert session.generation == 3
    ear.hang_up()


def test_a_used_refresh_cookie_opens_nothing(stream: Streams, session: Session) -> None:
    Session.objects.filter(id=session.id).update(generation=3)
    refresh = f"{configured.AUTH_COOKIE_REFRESH_NAME}={refresh_token(session, 1)}"
    refused(stream.listen("", f"Cookie: {refresh}"), 401, "credentials_invalid")
    session.refresh_from_db()
    assert session.state == SessionState.LIVE


def test_listening_is_no_use_of_the_session(beating: Streams, session: Session) -> None:
    Session.objects.filter(id=session.id).update(last_seen_at=world.LONG_AGO)
    before = world.everything()
    ear = beating.listen(token_of(session))
    assert ear.listen(5, until=OPENED * 3) == OPENED * 3
    ear.hang_up()
    assert world.everything() == before


def test_nobody_signed_in_hears_nothing(stream: Streams, session: Session) -> None:
    told = refused(stream.listen(), 401, "credentials_missing")
    assert told.headers["Www-Authenticate"] == 'Bearer realm="noc-iq"'
    refused(stream.listen("nonsense"), 401, "credentials_invalid")
    long_ago = world.access_token(session.user, session, timezone.now() - timedelta(hours=1))
    refused(stream.listen(long_ago), 401, "token_expired")
    refused(stream.listen(refresh_token(session, 0)), 401, "credentials_invalid")


def test_an_ended_session_opens_nothing(stream: Streams, session: Session) -> None:
    token = token_of(session)
    services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())
    refused(stream.listen(token), 401, "session_revoked")


def test_a_lost_notice_costs_no_more_than_a_heartbeat(beating: Streams, session: Session) -> None:
    ear = beating.listen(token_of(session))
    # Told to nobody: no verb, so no event and no notice.
    Session.objects.filter(id=session.id).update(
        state=SessionState.REVOKED, revoked_at=timezone.now(), revoked_reason="token_reuse"
    )
    assert ear.listen(3).endswith(ended("admin_logout", "token_reuse"))
    assert ear.is_over


def test_a_session_that_runs_out_ends_its_stream(beating: Streams, session: Session) -> None:
    ear = beating.listen(token_of(session))
    Session.objects.filter(id=session.id).update(expires_at=timezone.now())
    assert ear.listen(3).endswith(ended("session_expired", "expired_at_rest"))
    assert ear.is_over


def test_it_says_something_at_each_heartbeat(beating: Streams, session: Session) -> None:
    ear = beating.listen(token_of(session))
    assert set(ear.listen(3.5).split(b"\n\n")) == {b":", b""}
    assert ear.heard.count(OPENED) in (4, 5)
    ear.hang_up()


def test_a_person_has_ten_of_them(stream: Streams) -> None:
    user = world.person("viewer")
    ears = [stream.listen(token_of(world.session(user))) for _ in range(10)]
    assert [ear.status for ear in ears] == [200] * 10
    told = refused(stream.listen(token_of(world.session(user))), 503, "stream_full")
    assert int(told.headers["Retry-After"]) > 0
    other = stream.listen(token_of(world.session(world.person("viewer"))))
    assert other.status == 200
    for ear in [*ears, other]:
        ear.hang_up()


def test_who_hangs_up_frees_the_place(stream: Streams) -> None:
    user = world.person("viewer")
    for _ in range(3):
        ears = [stream.listen(token_of(world.session(user))) for _ in range(10)]
        assert [ear.status for ear in ears] == [200] * 10
        for ear in ears:
            ear.hang_up()
        time.sleep(0.2)


def test_a_full_process_takes_nobody_else(beating: Streams) -> None:
    ears = [beating.listen(world.access_token(person)) for person in _people(3)]
    assert [ear.status for ear in ears] == [200] * 3
    (one_more,) = _people(1)
    told = refused(beating.listen(world.access_token(one_more)), 503, "stream_full")
    assert told.headers["Retry-After"] == str(told.json()["retry_after"])
    ears[0].hang_up()
    time.sleep(0.2)
    ears.append(beating.listen(world.access_token(one_more)))
    assert ears[-1].status == 200
    for ear in ears:
        ear.hang_up()


def _people(count: int) -> list[User]:
    return [world.person("viewer") for _ in range(count)]


def test_nothing_else_of_the_api_is_served_there(stream: Streams) -> None:
    token = world.access_token(world.standing("admin"))
    told = stream.request("GET", "/api/v1/outages", token=token)
    assert (told.status, told.json()["code"]) == (404, "route_not_found")
    assert stream.request("GET", "/health/readiness").status == 200


def test_a_process_that_ends_ends_its_streams_at_once(tmp_path: Path, session: Session) -> None:
    with streaming(tmp_path) as stream:
        ears = [stream.listen(token_of(session)) for _ in range(5)]
        assert stream.end() < SOON
        for ear in ears:
            assert ear.listen(1) == OPENED  # no word of the session: it stands
            assert ear.is_over
    assert "Traceback" not in stream.log.read_text()


def test_it_goes_on_listening_when_its_connection_is_cut(stream: Streams, session: Session) -> None:
    ear = stream.listen(token_of(session))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'noc-iq listener'"
        )
    time.sleep(2)
    services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())
    assert b"session_revoked" in ear.listen(SOON)


def test_an_end_between_the_look_and_the_place_is_not_missed(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = queries.facts_of_sessions

    def look_and_lose(ids: Any) -> Any:
        found = look(ids)
        services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())
        return found

    monkeypatch.setattr(queries, "facts_of_sessions", look_and_lose)
    streams.here.open(1)
    try:
        answer = world.Client(token_of(session)).get("/auth/events")
        monkeypatch.undo()
        (stream,) = streams.here.streams()
        asyncio.run(view.end_streams(False))  # as the notice of that end makes it
        assert stream is answer.stream
        assert b"session_revoked" in b"".join(stream._frames)
    finally:
        streams.here.drain()
        streams.here.leave(stream)


def test_a_refused_one_leaves_no_place_behind(session: Session) -> None:
    services.revoke_session(session.id, reason="x", actor=world.nobody(), at=timezone.now())
    streams.here.open(1)
    try:
        assert world.Client(token_of(session)).get("/auth/events").status_code == 401
        assert streams.here.streams() == []
    finally:
        streams.here.drain()
