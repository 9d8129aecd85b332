"""Conditional requests: what version a caller saw, and whether it is still the one."""

import hashlib
from collections.abc import Mapping

from core.errors import Fault, Invalid, PreconditionFailed


def etag_of(version: int, content: bytes) -> str:
    """``"<version>-<12 hex of the body's SHA-256>"``, a strong validator."""
    return f'"{version}-{hashlib.sha256(content).hexdigest()[:12]}"'


class MalformedPrecondition(Invalid):
    code = "malformed_precondition"
    title = "Malformed If-Match"


def expected_version(headers: Mapping[str, str]) -> int | None:
    """The version that If-Match demands; None without the header or with ``*``."""
    given = headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return None
    version = given.removeprefix("W/").strip('"').partition("-")[0]
    if not version.isdecimal() or len(version) > 9:
        detail = 'If-Match takes an ETag of this resource, such as "3-0a1b2c3d4e5f".'
        raise MalformedPrecondition(
            faults=[Fault("/If-Match", "malformed_precondition", detail, "header")]
        )
    return int(version)


def check_version(expected: int | None, current: int) -> None:
    """Compare under the row lock. Raises: PreconditionFailed with the version that is."""
    if expected is not None and expected != current:
        raise PreconditionFailed(
            f"The version is {current} by now, not {expected}. Read it again.",
            current_version=current,
        )
