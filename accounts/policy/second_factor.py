"""One-time codes: their periods, the form of codes for when the device is lost."""

import base64
import hashlib
import hmac
import re
from datetime import datetime
from uuid import UUID

import pyotp

from accounts.policy.access import require_no_key
from accounts.policy.ids import USER
from core.actors import Actor, require_oneself
from core.ids import decode

ISSUED_BY = "NOC IQ"
PERIOD_SECONDS = 30
TOLERANCE_STEPS = 1
CODES_PER_CHALLENGE = 5
BACKUP_CODES = 10
BACKUP_CODE_BYTES = 15  # 120 bits: nobody tries them, so their hash needs no salt

_ONE_TIME = re.compile(r"[0-9]{6}")
_BACKUP = re.compile(r"[A-Z2-7]{24}")


def require_own_account(actor: Actor) -> UUID:
    """What is one's own changes oneself, signed in: no key, nobody in one's name.

    Returns who it is. Raises: NotPermitted, ImpersonatorRefused.
    """
    require_no_key(actor)
    require_oneself(actor)
    return decode(USER, actor.id)


def step_at(at: datetime) -> int:
    """The period of an instant. Source: RFC 6238, section 4."""
    return int(at.timestamp()) // PERIOD_SECONDS


def steps_of(secret: str, code: str, at: datetime) -> list[int]:
    """The periods about this instant whose code this is, the earliest first.

    A code typed at the end of its period, or on a clock a little off, still counts. RFC 6238, 5.2.
    """
    given = "".join(code.split())
    if not _ONE_TIME.fullmatch(given):
        return []
    maker, now = pyotp.TOTP(secret, interval=PERIOD_SECONDS), step_at(at)
    around = range(now - TOLERANCE_STEPS, now + TOLERANCE_STEPS + 1)
    return [step for step in around if hmac.compare_digest(maker.generate_otp(step), given)]


def otpauth_url(secret: str, name: str) -> str:
    """What the QR code says to the app that makes codes."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUED_BY)


def spell_backup_code(random: bytes) -> str:
    """Six groups of four base32 characters: ``ABCD-EF23-...``."""
    text = base64.b32encode(random).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))


def hash_of_backup_code(code: str) -> str | None:
    """What is kept of a backup code, however its groups are spaced; None: this is no such code."""
    given = re.sub(r"[\s-]", "", code).upper()
    if not _BACKUP.fullmatch(given):
        return None
    return hashlib.sha256(given.encode()).hexdigest()
