"""The doors of the second factor, and of the proof that it is still the same person."""

from typing import Any

from rest_framework.request import Request

from accounts import policy, queries, services
from accounts.api.second_factor_forms import (
    BACKUP_CODE,
    CODE,
    BackupCodesResponse,
    CodeRequest,
    DoneResponse,
    ReauthenticatedResponse,
    ReauthenticateRequest,
    SetupResponse,
    TwoFactorResponse,
    backup_codes_form,
    reauthenticated_form,
    setup_form,
    two_factor_form,
)
from accounts.api.views.base import SignInView
from core import wire
from core.actors import ImpersonatorRefused, ReauthenticationRequired
from core.openapi import operation

DONE: dict[str, Any] = {"success": True}
CODES = [BACKUP_CODE, "..."]


class _OwnFactorView(SignInView):
    """Open also to whom a role demands a second factor of, so that they can set it up."""

    opens_to_one_factor = True


class TwoFactorView(_OwnFactorView):
    @operation(
        "Whether one has a second factor",
        response=TwoFactorResponse,
        example={
            "enabled": True,
            "confirmed_at": "2026-01-05T10:00:00Z",
            "backup_codes_left": 9,
            "required": True,
        },
    )
    def get(self, request: Request) -> dict[str, Any]:
        return two_factor_form(queries.second_factor_of(self.actor, at=self.at))


class SetupView(_OwnFactorView):
    @operation(
        "Begin a second factor: the secret and the backup codes, shown once",
        response=SetupResponse,
        refuses=[ImpersonatorRefused, ReauthenticationRequired, services.SecondFactorActive],
        example={
            "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "otpauth_url": "otpauth://totp/NOC%20IQ:ada%40example.com?secret=JBSWY3DP...",
            "qr_code_url": "data:image/svg+xml;charset=utf-8,...",
            "backup_codes": CODES,
            "qrCodeUrl": "data:image/svg+xml;charset=utf-8,...",
            "backupCodes": CODES,
        },
    )
    def post(self, request: Request) -> dict[str, Any]:
        return setup_form(services.begin_2fa(actor=self.actor, at=self.at))


class ConfirmView(_OwnFactorView):
    @operation(
        "Confirm the second factor by its first code; other sessions end",
        response=DoneResponse,
        body=CodeRequest,
        refuses=[
            ImpersonatorRefused,
            services.SecondFactorAbsent,
            services.SecondFactorActive,
            services.CodeInvalid,
        ],
        body_example={"code": CODE},
        example=DONE,
    )
    def post(self, request: Request) -> dict[str, Any]:
        given = wire.read(CodeRequest, request.data)
        services.confirm_2fa(given.code, actor=self.actor, at=self.at)
        return DONE


class BackupCodesView(_OwnFactorView):
    @operation(
        "Make new backup codes; the old ones are void, other sessions end",
        response=BackupCodesResponse,
        body=CodeRequest,
        refuses=[
            ImpersonatorRefused,
            policy.LoginThrottled,
            services.SecondFactorAbsent,
            services.CodeInvalid,
        ],
        body_example={"code": CODE},
        example={"backup_codes": CODES, "backupCodes": CODES},
    )
    def post(self, request: Request) -> dict[str, Any]:
        given = wire.read(CodeRequest, request.data)
        codes = services.renew_backup_codes(given.code, actor=self.actor, at=self.at)
        return backup_codes_form(codes)


class DisableView(_OwnFactorView):
    @operation(
        "Take the second factor off; other sessions end",
        response=DoneResponse,
        body=CodeRequest,
        refuses=[
            ImpersonatorRefused,
            ReauthenticationRequired,
            policy.LoginThrottled,
            services.SecondFactorAbsent,
            services.SecondFactorMandatory,
            services.CodeInvalid,
        ],
        body_example={"code": CODE},
        example=DONE,
    )
    def post(self, request: Request) -> dict[str, Any]:
        given = wire.read(CodeRequest, request.data)
        services.disable_2fa(given.code, actor=self.actor, at=self.at)
        return DONE


class ReauthenticateView(_OwnFactorView):
    @operation(
        "Prove by password or code that it is still oneself, for 15 minutes",
        response=ReauthenticatedResponse,
        body=ReauthenticateRequest,
        refuses=[
            ImpersonatorRefused,
            policy.AccountLocked,
            policy.LoginThrottled,
            policy.CredentialsInvalid,
            services.CodeInvalid,
        ],
        body_example={"password": "correct horse battery"},
        example={"success": True, "valid_until": "2026-01-05T10:15:00Z"},
    )
    def post(self, request: Request) -> dict[str, Any]:
        given = wire.read(ReauthenticateRequest, request.data)
        services.reauthenticate(
            password=given.password, code=given.code, actor=self.actor, at=self.at
        )
        return reauthenticated_form(self.at)
