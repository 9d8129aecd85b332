"""Which addresses and URLs may be reached: public ones, and those the operator has named."""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2048

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# Not link-local and not loopback by their number, yet answered by the cloud host itself.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
# `is_global` of some supported Python says yes to each of these.
# Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
_SPECIAL: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)
_FORBIDDEN_SUFFIXES = ("localhost", "local", "internal", "localdomain", "home.arpa")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_AUTHORITY_END = re.compile(r"[/?#]")
# A host whose last label is a number is an IPv4 address to somebody. Source: WHATWG URL, 3.5
_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$")


@dataclass(frozen=True)
class Verdict:
    """Whether an address may be connected to, and why not."""

    allowed: bool
    reason: str = "ok"


@dataclass(frozen=True)
class Target:
    """A URL that may be requested: as it will be sent, and the host it counts for."""

    url: str
    host: str  # without brackets
    key: str  # scheme://host:port


class UrlForbidden(ValueError):
    """A URL that is not requested. ``reason``: form, scheme, userinfo, host, port or address."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def judge(address: Address, admitted: Sequence[Network] = (), *, loopback: bool = False) -> Verdict:
    """Judge one address: public ones may be connected to, and those in ``admitted`` networks.

    Loopback is admitted only with ``loopback``; link-local, multicast and metadata never.
    """
    address = _unwrapped(address)
    named = any(address in network for network in admitted if network.version == address.version)
    if address.is_loopback:
        return Verdict(True) if named and loopback else Verdict(False, "loopback")
    if address.is_link_local:
        return Verdict(False, "link_local")
    if address in _METADATA:
        return Verdict(False, "metadata")
    if address.is_multicast or address.is_unspecified:
        return Verdict(False, "multicast" if address.is_multicast else "unspecified")
    if named:
        return Verdict(True)
    if not address.is_global:
        return Verdict(False, "private")
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return Verdict(False, "special")
    if any(address in network for network in _SPECIAL if network.version == address.version):
        return Verdict(False, "special")
    return Verdict(True)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address is only the envelope of."""
    if isinstance(address, ipaddress.IPv6Address) and (address in _MAPPED or address in _NAT64):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address


def check_url(url: str) -> Target:
    """Check the text of a URL without any network. Raises: UrlForbidden."""
    # Cc, Cf, Zs and the like: invisible characters never belong into a URL.
    if len(url) > LONGEST_URL or any(unicodedata.category(c)[0] in "CZ" for c in url):
        raise UrlForbidden("form", f"At most {LONGEST_URL} visible characters, without blanks.")
    scheme = url.partition(":")[0].lower()
    if scheme not in ("https", "http") or (scheme == "http" and not settings.EGRESS_ALLOW_HTTP):
        allowed = "https or http" if settings.EGRESS_ALLOW_HTTP else "https"
        raise UrlForbidden("scheme", f"The URL must begin with {allowed}://.")
    try:
        # The same parser that the request will go through, so that both see one host.
        parsed = URL(url)
        host, port = parsed.raw_host or "", parsed.port
    except ValueError:  # also what IDNA refuses
        raise UrlForbidden("form", "This cannot be read as a URL.") from None
    if "@" in _AUTHORITY_END.split(url.partition("//")[2], 1)[0]:
        raise UrlForbidden("userinfo", "A URL may not carry a user name or a password.")
    if "#" in url:
        raise UrlForbidden("form", "A fragment is never sent; leave out what follows the #.")
    _check_host(host)
    if port not in settings.EGRESS_PORTS:
        ports = ", ".join(str(each) for each in settings.EGRESS_PORTS)
        raise UrlForbidden("port", f"The port must be one of {ports}.")
    bracketed = f"[{host}]" if ":" in host else host
    return Target(url=str(parsed), host=host, key=f"{scheme}://{bracketed}:{port}")


def _check_host(host: str) -> None:
    if ":" in host or _ENDS_IN_A_NUMBER.search(host):
        return _check_literal(host)
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlForbidden("host", "The host name is malformed.")
    if len(labels) == 1 or any(f".{host}".endswith(f".{end}") for end in _FORBIDDEN_SUFFIXES):
        raise UrlForbidden("host", "The host must be a full name that the public DNS knows.")
    return None


def _check_literal(host: str) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise UrlForbidden("host", "Write an address in its usual form.") from None
    if getattr(address, "scope_id", None):
        raise UrlForbidden("host", "An address may not name a zone.")
    verdict = judge(address, admitted_networks(), loopback=loopback_allowed())
    if not verdict.allowed:
        raise UrlForbidden("address", f"This address is not reachable from here: {verdict.reason}.")


def admitted_networks() -> tuple[Network, ...]:
    """The networks that ``EGRESS_ALLOWED_NETWORKS`` names."""
    return _networks(tuple(str(each) for each in settings.EGRESS_ALLOWED_NETWORKS))


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


def loopback_allowed() -> bool:
    """Whether a named loopback network counts: on one's own machine only."""
    return settings.ENVIRONMENT in ("local", "test")
