from ipaddress import ip_network

import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("networks", "address", "status"),
    [
        ([], "203.0.113.9", 200),
        (["10.0.0.0/8"], "10.1.2.3", 200),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", 200),
        (["10.0.0.0/8"], "203.0.113.9", 404),
        (["10.0.0.0/8"], "", 404),
    ],
)
def test_the_back_office_opens_from_its_networks_only(
    networks: list[str], address: str, status: int, client: Client, settings
) -> None:
    settings.ADMIN_ALLOWED_NETWORKS = tuple(map(ip_network, networks))
    answer = client.get(f"/{settings.ADMIN_PATH}login/", REMOTE_ADDR=address)
    assert answer.status_code == status
    assert client.get("/health", REMOTE_ADDR=address).status_code == 200


def test_a_forged_address_opens_nothing(client: Client, settings) -> None:
    settings.ADMIN_ALLOWED_NETWORKS = (ip_network("10.0.0.0/8"),)
    headers = {"x-forwarded-for": "10.1.2.3"}
    assert (
        client.get("/admin/login/", headers=headers, REMOTE_ADDR="203.0.113.9").status_code == 404
    )
