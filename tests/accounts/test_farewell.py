"""Why a session is over, in the words that clients act on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts.policy import Farewell, SessionFacts, farewell
from tests.world import AT

STANDING = SessionFacts(
    state="live",
    revoked_reason="",
    user_status="active",
    expires_at=AT + timedelta(days=1),
    ends_at=AT + timedelta(days=2),
    generation=0,
    rotated_at=None,
)


def test_of_a_session_that_stands_nothing_is_said() -> None:
    assert farewell(STANDING, AT) is None
    last = STANDING.expires_at - timedelta(seconds=1)
    assert farewell(STANDING, last) is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("logout_all", "admin_logout"),
        ("user_disabled", "admin_logout"),
        ("user_erased", "admin_logout"),
        ("token_reuse", "admin_logout"),
        ("no_role", "admin_logout"),
        ("password_changed", "password_changed"),
        ("password_reset", "password_changed"),
        ("second_factor_changed", "password_changed"),
        ("logout", "session_expired"),
    ],
)
def test_an_end_has_its_exact_reason_and_one_of_three_words(code: str, reason: str) -> None:
    over = replace(STANDING, state="revoked", revoked_reason=code)
    assert farewell(over, AT) == Farewell(reason, code)


def test_a_session_that_ran_out_says_how() -> None:
    at_rest = farewell(STANDING, STANDING.expires_at)
    assert at_rest == Farewell("session_expired", "expired_at_rest")
    assert farewell(STANDING, STANDING.ends_at) == Farewell("session_expired", "expired")


def test_whoever_may_not_act_hears_it_even_if_the_session_was_forgotten() -> None:
    disabled = replace(STANDING, user_status="disabled")
    assert farewell(disabled, AT) == Farewell("admin_logout", "user_disabled")


def test_a_session_whose_row_is_gone_is_over() -> None:
    assert farewell(None, AT) == Farewell("session_expired", "expired_long_ago")
