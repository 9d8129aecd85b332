"""What comes in and goes out of the second factor and of fresh proofs."""

from datetime import datetime
from typing import Annotated, Any

import segno
from rest_framework import serializers

from accounts.api.forms import Secret
from accounts.queries import SecondFactor
from accounts.services import Setup
from core import wire
from core.actors import PROOF_LASTS

LONGEST_CODE = 64  # as typed, with the blanks and hyphens between groups
CODE = "123456"
BACKUP_CODE = "ABCD-EF23-GHIJ-KL45-MNOP-QR67"

Code = Annotated[str, wire.text(1, LONGEST_CODE)]


class CodeRequest(wire.Input):
    """A one-time code, or where one may be lost, a backup code."""

    code: Code


class VerifyRequest(wire.Input):
    """``challenge`` is a member of the refusal ``mfa_required``."""

    challenge: Secret
    code: Code


class ReauthenticateRequest(wire.Input):
    """One of the two; each that is given must hold."""

    password: Secret | None = None
    code: Code | None = None


class SetupResponse(serializers.Serializer[Any]):
    """Shown once. ``qrCodeUrl`` and ``backupCodes`` repeat their neighbours."""

    secret = serializers.CharField(help_text="Base32, for apps that take no QR code")
    otpauth_url = serializers.CharField()
    qr_code_url = serializers.CharField(help_text="An SVG image as a data: URL")
    backup_codes = serializers.ListField(child=serializers.CharField())
    qrCodeUrl = serializers.CharField()  # noqa: N815 - its wire name
    backupCodes = serializers.ListField(child=serializers.CharField())  # noqa: N815


class BackupCodesResponse(serializers.Serializer[Any]):
    backup_codes = serializers.ListField(child=serializers.CharField())
    backupCodes = serializers.ListField(child=serializers.CharField())  # noqa: N815


class DoneResponse(serializers.Serializer[Any]):
    success = serializers.BooleanField()


class TwoFactorResponse(serializers.Serializer[Any]):
    enabled = serializers.BooleanField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    backup_codes_left = serializers.IntegerField()
    required = serializers.BooleanField(help_text="A role demands one")  # type: ignore[assignment]


class ReauthenticatedResponse(serializers.Serializer[Any]):
    success = serializers.BooleanField()
    valid_until = serializers.DateTimeField()


def setup_form(setup: Setup) -> dict[str, Any]:
    picture = segno.make(setup.otpauth_url, error="m", micro=False).svg_data_uri(scale=4)
    return {
        "secret": setup.secret,
        "otpauth_url": setup.otpauth_url,
        "qr_code_url": picture,
        "backup_codes": setup.backup_codes,
        "qrCodeUrl": picture,
        "backupCodes": setup.backup_codes,
    }


def backup_codes_form(codes: list[str]) -> dict[str, Any]:
    return {"backup_codes": codes, "backupCodes": codes}


def two_factor_form(found: SecondFactor) -> dict[str, Any]:
    return {
        "enabled": found.confirmed_at is not None,
        "confirmed_at": wire.instant(found.confirmed_at),
        "backup_codes_left": found.backup_codes_left,
        "required": found.is_demanded,
    }


def reauthenticated_form(at: datetime) -> dict[str, Any]:
    return {"success": True, "valid_until": wire.instant(at + PROOF_LASTS)}
