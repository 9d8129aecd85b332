"""What may be a password (ASVS 5.0, 6.2)."""

import logging
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from pytest_django import Settings

from accounts import services
from accounts.clients import breaches
from accounts.models import User
from accounts.services.passwords import hash_of_new
from core import egress
from core.egress import Reply, TimedOut
from tests import world

ADA = {"email": "ada.obi@example.com", "full_name": "Ada Obi"}


def faults(password: str, role: str = "viewer") -> list[str]:
    try:
        hash_of_new(password, User(**ADA), role)
    except services.PasswordTooWeak as refused:
        return [fault.code for fault in refused.faults if fault.pointer == "/password"]
    return []


@pytest.mark.parametrize(
    ("password", "role", "expected"),
    [
        ("q7 zk2m", "viewer", ["password_length"]),
        ("q7 zk2m9", "viewer", []),
        ("q7 zk2m9", "engineer", []),
        ("q7 zk2m9q4x", "manager", ["password_length"]),
        ("q7 zk2m9q4x", "admin", ["password_length"]),
        ("q7 zk2m9q4x1", "admin", []),
        ("x7" * 64, "admin", []),
        ("x7" * 64 + "y", "viewer", ["password_length"]),
        ("password123", "viewer", ["password_too_common"]),
        ("1234567", "viewer", ["password_length", "password_too_common"]),
        ("ada.obi@example.com", "viewer", ["password_too_similar"]),
        ("Ada Obi", "manager", ["password_length", "password_too_similar"]),
        ("пароль на украинском", "manager", []),
        ("🔑🔒🗝️🚪🪪🧷🧲⚙️", "viewer", []),
        ("        q7 zk", "viewer", []),
        ("a b\tc\u00a0d e f", "viewer", []),
    ],
)
def test_length_commonness_and_likeness_are_each_a_fault(
    password: str, role: str, expected: list[str]
) -> None:
    assert faults(password, role) == expected


def test_a_password_is_kept_as_it_was_typed() -> None:
    hashed = hash_of_new("  q7 zk2m9  ", User(**ADA), "viewer")
    assert check_password("  q7 zk2m9  ", hashed)
    assert not check_password("q7 zk2m9", hashed)


def test_no_characters_are_cut_off() -> None:
    hashed = hash_of_new("x7" * 64, User(**ADA), "viewer")
    assert not check_password("x7" * 63 + "x", hashed)


# --- Breaches ------------------------------------------------------------------------------------
SUFFIX = "1E4C9B93F3F0682250B6CF8331B7EE68FD8"  # of SHA-1("password"), after 5BAA6


@pytest.fixture
def listed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The list of breaches, as ``reply`` says; what was asked is noted."""
    settings.AUTH_PASSWORD_VALIDATORS = [{"NAME": "accounts.clients.breaches.NotBreached"}]
    told: dict[str, Any] = {"reply": (200, ""), "asked": []}

    def fetch(url: str, **how: Any) -> Reply:
        told["asked"].append((url, how))
        if isinstance(told["reply"], Exception):
            raise told["reply"]
        status, body = told["reply"]
        return Reply(
            status=status, retry_after=None, body=body.encode(), remote_ip=None, latency_ms=1
        )

    monkeypatch.setattr(egress, "fetch", fetch)
    return told


def test_a_password_from_a_breach_is_refused(listed: dict[str, Any]) -> None:
    listed["reply"] = (200, f"0018A45C4D1DEF81644B54AB7F969B88D65:3\r\n{SUFFIX}:9,659,365")
    assert faults("password") == ["password_breached"]


def test_five_hex_digits_leave_the_house_and_no_more(listed: dict[str, Any]) -> None:
    assert faults("password") == []
    ((url, how),) = listed["asked"]
    assert url == "https://api.pwnedpasswords.com/range/5BAA6"
    assert how["headers"]["Add-Padding"] == "true"
    assert how["timeout_s"] == breaches.ANSWERS_WITHIN_S
    assert SUFFIX not in str(listed["asked"])


def test_a_padding_line_is_no_breach(listed: dict[str, Any]) -> None:
    listed["reply"] = (200, f"{SUFFIX}:0")
    assert faults("password") == []


@pytest.mark.parametrize(
    "reply",
    [TimedOut("slow"), (503, "busy"), (200, "<html>"), RuntimeError("inside a transaction")],
)
def test_when_the_list_is_away_the_password_is_accepted_and_counted(
    listed: dict[str, Any], caplog: pytest.LogCaptureFixture, reply: Any
) -> None:
    listed["reply"] = reply
    with caplog.at_level(logging.WARNING, "accounts.clients.breaches"):
        assert faults("password") == []
    told = [each for each in caplog.records if each.name == "accounts.clients.breaches"]
    assert [each.getMessage() for each in told] == ["breach_check_unreachable"]
    assert "password" not in str(vars(told[0]).get("error"))


def test_nothing_is_asked_for_a_password_that_is_too_long(listed: dict[str, Any]) -> None:
    faults("x" * 129)
    assert listed["asked"] == []


@pytest.mark.django_db
def test_every_way_to_a_new_password_asks(listed: dict[str, Any], settings: Settings) -> None:
    settings.REGISTRATION_POLICY = "open"
    listed["reply"] = (200, f"{SUFFIX}:7")
    user = world.standing("admin")
    with pytest.raises(services.PasswordTooWeak):
        services.register_user(email="a@b.test", password="password", at=world.AT)
    with pytest.raises(services.PasswordTooWeak):
        services.create_user(
            email="a@b.test", password="password", role=None, actor=world.actor("admin"),
            at=world.AT,
        )  # fmt: skip
    assert len(listed["asked"]) == 2
    assert user.email != "a@b.test"
