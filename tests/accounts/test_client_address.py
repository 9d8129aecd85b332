import pytest
from django.test import RequestFactory
from pytest_django import Settings

from core.callers import client_address


@pytest.mark.parametrize(
    ("proxies", "noted", "expected"),
    [
        (0, None, "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9, 198.51.100.2", "198.51.100.2"),
        (2, "203.0.113.9, 198.51.100.2", "203.0.113.9"),
        (2, "198.51.100.2", "192.0.2.1"),
        (1, "nonsense", None),
        (1, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_only_our_proxies_are_believed(
    settings: Settings, proxies: int, noted: str | None, expected: str | None
) -> None:
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": noted} if noted else {}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers=headers)
    assert client_address(request) == expected


def test_a_socket_without_an_address_has_none() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None
