"""What a subscription is asked to be, and why it cannot be that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core import egress, signing
from core.errors import Fault, Invalid
from webhooks import queries
from webhooks.policy import patterns
from webhooks.policy.envelope import LEGACY, STANDARD


class UrlForbidden(Invalid):
    code = "url_forbidden"
    title = "URL forbidden"


class EventUnknown(Invalid):
    code = "event_unknown"
    title = "Unknown event"


class MatchMalformed(Invalid):
    code = "match_malformed"
    title = "Malformed match"


class HeaderForbidden(Invalid):
    code = "header_forbidden"
    title = "Header forbidden"


class HeaderMalformed(Invalid):
    code = "header_malformed"
    title = "Malformed header"


class SecretMalformed(Invalid):
    code = "secret_malformed"
    title = "Malformed secret"


class SecretNotStandard(Invalid):
    code = "secret_not_standard"
    title = "Secret not standard"
    summary = (
        "Signature version 2 needs a secret that begins with whsec_. Give one, or rotate first."
    )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a subscription is asked to be; None: the default on creation, unchanged on update."""

    name: str | None = None
    url: str | None = None
    patterns: Sequence[str] | None = None
    match: Mapping[str, Sequence[str]] | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    signature_version: int | None = None
    max_attempts: int | None = None
    timeout_s: int | None = None
    concurrency: int | None = None
    active: bool | None = None


def version_for(secret: str | None) -> int:
    """The signature version that a secret suggests: the older one if it is not ``whsec_``."""
    return STANDARD if secret is None or secret.startswith(signing.PREFIX) else LEGACY


def check_secret(secret: str, version: int) -> None:
    """Raises: SecretMalformed, SecretNotStandard."""
    if version == LEGACY:
        if not 1 <= len(secret.encode()) <= 255:
            raise SecretMalformed(
                faults=[Fault("/secret", "secret_malformed", "A secret has 1 to 255 bytes.")]
            )
        return
    if not secret.startswith(signing.PREFIX):
        raise SecretNotStandard(
            faults=[Fault("/secret", "secret_not_standard", SecretNotStandard.summary)]
        )
    try:
        signing.standard_key(secret)
    except signing.SecretMalformed as wrong:
        raise SecretMalformed(
            faults=[Fault("/secret", "secret_malformed", f"The secret is not usable: {wrong}")]
        ) from None


def checked_url(url: str) -> egress.Target:
    """Where a URL leads. Raises: UrlForbidden."""
    try:
        return egress.check_url(url)
    except egress.UrlForbidden as wrong:
        raise UrlForbidden(
            faults=[Fault("/url", "url_forbidden", wrong.detail, more={"reason": wrong.reason})],
            reason=wrong.reason,
        ) from None


def check_patterns(given: Sequence[str]) -> None:
    """Raises: EventUnknown, with a fault for each pattern that matches no event."""
    if not given:
        raise EventUnknown(faults=[Fault("/events", "event_unknown", "Name at least one event.")])
    known = queries.public_types()
    faults = [
        Fault(
            f"/events/{index}",
            "event_unknown",
            f"No event is called {pattern[:64]!r}. See the catalogue; also <domain>.* and *.",
        )
        for index, pattern in enumerate(given)
        if not patterns.is_known(pattern, known)
    ]
    if faults:
        raise EventUnknown(faults=faults)


def check_match(match: Mapping[str, Sequence[str]]) -> None:
    """Raises: MatchMalformed."""
    if wrong := patterns.match_fault(match):
        raise MatchMalformed(faults=[Fault(f"/match{wrong[0]}", "match_malformed", wrong[1])])


def check_headers(headers: Mapping[str, str]) -> None:
    """Raises: HeaderMalformed, HeaderForbidden."""
    if len(headers) > patterns.MOST_HEADERS:
        detail = f"At most {patterns.MOST_HEADERS} headers."
        raise HeaderMalformed(faults=[Fault("/headers", "header_malformed", detail)])
    for name, value in headers.items():
        if patterns.header_is_malformed(name, value):
            detail = "Names are letters, digits and hyphens; values printable ASCII, 1024 at most."
            raise HeaderMalformed(faults=[Fault("/headers", "header_malformed", detail)])
        if patterns.header_is_forbidden(name):
            detail = f"{name} is set by us or by the transport."
            raise HeaderForbidden(faults=[Fault(f"/headers/{name}", "header_forbidden", detail)])
