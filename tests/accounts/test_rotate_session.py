from collections import Counter
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.conf import settings

from accounts import policy, services
from accounts.models import Session
from audit.models import Entry
from core.models import EventRow
from tests import world

pytestmark = pytest.mark.django_db
AT = world.AT


def later(**span: float) -> datetime:
    return AT + timedelta(**span)


def test_the_present_generation_brings_the_next() -> None:
    session = world.session(world.person(), AT)
    signed_in = services.rotate_session(session.id, 0, at=later(minutes=5))
    claims = policy.read_token(
        signed_in.refresh_token, "refresh", key=settings.JWT_SECRET_KEY, at=later(minutes=5)
    )
    session.refresh_from_db()
    assert (signed_in.generation, claims.generation, session.generation) == (1, 1, 1)
    assert session.expires_at == later(days=14, minutes=5)


def test_sliding_never_passes_the_absolute_end() -> None:
    session = world.session(world.person(), AT, expires_at=later(days=30))
    services.rotate_session(session.id, 0, at=later(days=29))
    session.refresh_from_db()
    assert session.expires_at == session.ends_at == later(days=30)


def test_the_one_before_brings_the_present_pair_again_within_the_grace() -> None:
    session = world.session(world.person(), AT)
    services.rotate_session(session.id, 0, at=later(minutes=1))
    before = world.everything()
    again = services.rotate_session(session.id, 0, at=later(minutes=1, seconds=10))
    assert again.generation == 1
    assert world.everything() == before


def test_a_used_token_after_the_grace_ends_the_session(caplog: pytest.LogCaptureFixture) -> None:
    session = world.session(world.person(), AT)
    services.rotate_session(session.id, 0, at=later(minutes=1))
    with pytest.raises(policy.SessionRevoked):
        services.rotate_session(session.id, 0, at=later(minutes=1, seconds=11))
    session.refresh_from_db()
    assert (session.state, session.revoked_reason) == ("revoked", "token_reuse")
    assert caplog.messages == ["refresh_token_reused"]
    assert Entry.objects.filter(action="accounts.revoke_session").count() == 1
    assert EventRow.objects.filter(type="session.revoked").count() == 1
    with pytest.raises(policy.SessionRevoked):
        services.rotate_session(session.id, 1, at=later(minutes=2))


def test_two_generations_behind_is_reuse_even_within_the_grace() -> None:
    session = world.session(world.person(), AT)
    services.rotate_session(session.id, 0, at=later(seconds=1))
    services.rotate_session(session.id, 1, at=later(seconds=2))
    with pytest.raises(policy.SessionRevoked):
        services.rotate_session(session.id, 0, at=later(seconds=3))


@pytest.mark.parametrize("case", ["ahead", "unknown", "run out", "disabled", "pending"])
def test_what_is_no_live_session_rotates_nothing(case: str) -> None:
    user = world.person()
    session = world.session(user, AT, state="pending" if case == "pending" else "live")
    if case == "disabled":
        type(user).objects.filter(id=user.id).update(status="disabled")
    before = world.everything()
    with pytest.raises((policy.CredentialsInvalid, policy.SessionRevoked)):
        services.rotate_session(
            uuid4() if case == "unknown" else session.id,
            1 if case == "ahead" else 0,
            at=later(days=14) if case == "run out" else later(minutes=1),
        )
    assert world.everything() == before


@pytest.mark.django_db(transaction=True)
def test_eight_refreshes_of_one_token_make_one_generation() -> None:
    session = world.session(world.person(), AT)
    generations = world.at_once(
        8, lambda _: services.rotate_session(session.id, 0, at=later(minutes=1)).generation
    )
    session.refresh_from_db()
    assert generations == [1] * 8
    assert session.generation == 1
    assert Entry.objects.filter(action="accounts.rotate_session").count() == 1


@pytest.mark.django_db(transaction=True)
def test_fifty_refreshes_by_http_make_one_generation_and_no_fault() -> None:
    session = world.session(world.person())
    token = policy.sign_token(
        "refresh",
        user_id=session.user_id,
        session_id=session.id,
        at=session.created_at,
        expires_at=session.expires_at,
        key=settings.JWT_SECRET_KEY,
        generation=0,
    )
    answers = world.at_once(
        50, lambda _: world.Client().post("/auth/refresh", {"refresh_token": token})
    )
    by_status = Counter(answer.status_code for answer in answers)
    assert by_status == {200: 30, 429: 20}  # thirty a minute for one session
    session.refresh_from_db()
    assert (session.generation, session.state) == (1, "live")


@pytest.mark.django_db(transaction=True)
def test_refreshing_while_all_sessions_end_leaves_none_alive() -> None:
    user = world.person()
    session = world.session(user, AT)

    def act(number: int) -> str:
        if number == 0:
            services.revoke_all_sessions(user.id, reason="logout_all", actor=world.nobody(), at=AT)
            return "ended"
        try:
            services.rotate_session(session.id, 0, at=later(minutes=1))
        except policy.SessionRevoked:
            return "refused"
        return "rotated"

    world.at_once(8, act)
    assert not Session.objects.filter(state="live").exists()
