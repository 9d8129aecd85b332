"""From where somebody calls."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

ONE_SUBSCRIBER = 64  # bits of an IPv6 address; who has one address of such a network has them all


def client_address(request: HttpRequest) -> str | None:
    """The caller's address: the socket peer, or the n-th from the right that our proxies noted."""
    found = request.META.get("REMOTE_ADDR", "")
    count = settings.TRUSTED_PROXY_COUNT
    if count:
        noted = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(noted) >= count:
            found = noted[-count].strip()
    try:
        return str(ipaddress.ip_address(found.partition("%")[0]))  # PostgreSQL knows no zones
    except ValueError:
        return None


def counted_address(address: str | None) -> str:
    """What is counted for an address: itself, for IPv6 its /64; all without one count as one."""
    if not address:
        return "0.0.0.0"  # noqa: S104 - nobody calls from there
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, ONE_SUBSCRIBER), strict=False).network_address)
