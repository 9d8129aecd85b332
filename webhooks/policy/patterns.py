"""What a subscription asks for: patterns over event types, and what its requests may carry."""

import re
from collections.abc import Collection, Iterable, Mapping

MOST_PATTERNS = 50
LONGEST_PATTERN = 128
MOST_MATCH_KEYS, MOST_MATCH_VALUES, LONGEST_MATCH_VALUE = 5, 100, 255
MOST_HEADERS, LONGEST_HEADER_VALUE = 20, 1024
MOST_SUBSCRIPTIONS = 1000
MOST_LIVE_KEYS = 10

# Words that receivers of an earlier interface use; kept and shown as written.
OLD_WORDS = {"payment.processed": "payment.confirmed", "sla.breached": "sla.violation"}

_MATCH_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_HEADER_VALUE = re.compile(r"[ -~]{0,1024}")
# What we send ourselves, and what would change how a request is framed or routed.
_FORBIDDEN_HEADERS = frozenset(
    {"host", "transfer-encoding", "connection", "expect", "te", "upgrade", "cookie"}
)
_FORBIDDEN_PREFIXES = ("content-", "proxy-", "webhook-", "x-webhook-")


def is_known(pattern: str, types: Collection[str]) -> bool:
    """Whether a pattern matches at least one of these event types, or is one of the old words."""
    if pattern == "*" or pattern in OLD_WORDS or pattern in types:
        return True
    domain = pattern.removesuffix("*")
    return (
        domain != pattern
        and domain.endswith(".")
        and any(each.startswith(domain) for each in types)
    )


def patterns_of(event_type: str) -> list[str]:
    """Every pattern that hears this event type."""
    old = [word for word, meant in OLD_WORDS.items() if meant == event_type]
    return [event_type, *old, event_type.partition(".")[0] + ".*", "*"]


def match_fault(match: Mapping[str, Iterable[str]]) -> tuple[str, str] | None:
    """The pointer and the words of what is wrong with a match, if anything is."""
    if len(match) > MOST_MATCH_KEYS:
        return "", f"At most {MOST_MATCH_KEYS} keys."
    for key, given in match.items():
        if not _MATCH_KEY.fullmatch(key):
            return "", "A key is the name of an id in the event, such as operator_id."
        values = list(given)
        if not 1 <= len(values) <= MOST_MATCH_VALUES:
            return f"/{key}", f"1 to {MOST_MATCH_VALUES} values."
        if any(not 1 <= len(value) <= LONGEST_MATCH_VALUE for value in values):
            return f"/{key}", f"Values have 1 to {LONGEST_MATCH_VALUE} characters."
    return None


def header_is_forbidden(name: str) -> bool:
    """Whether a subscriber's extra header would meddle with ours or with the transport."""
    lower = name.lower()
    return lower in _FORBIDDEN_HEADERS or lower.startswith(_FORBIDDEN_PREFIXES)


def header_is_malformed(name: str, value: str) -> bool:
    return not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value)
