"""What is done to people from their pages: each act is one verb of the services."""

from datetime import datetime
from typing import Any

from accounts import services
from accounts.admin import forms
from accounts.models import User
from core.actors import Actor
from core.desk import Act, NothingForm

Given = dict[str, Any]


def _disable(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.disable_user(user.id, actor=actor, at=at, reason=given["reason"])


def _enable(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.enable_user(user.id, actor=actor, at=at, reason=given["reason"])


def _sign_out(user: User, _: Given, *, actor: Actor, at: datetime) -> None:
    services.revoke_all_sessions(user.id, reason="admin_logout", actor=actor, at=at)


def _unlock(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.unlock_sign_in(user.email or "", actor=actor, at=at, reason=given["reason"])


def _reset_2fa(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.reset_2fa(user.id, actor=actor, at=at, reason=given["reason"])


def _erase(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.erase_user(user.id, actor=actor, at=at, reason=given["reason"])


def _grant(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.grant_role(user.id, **forms.without(given, "place"), actor=actor, at=at)


def _add_person(_: None, given: Given, *, actor: Actor, at: datetime) -> User:
    return services.create_user(
        email=given["email"],
        password=None,
        full_name=given["full_name"] or None,
        role=given["role"] or None,
        actor=actor,
        at=at,
    )


def _add_service(_: None, given: Given, *, actor: Actor, at: datetime) -> User:
    return services.create_service_account(
        full_name=given["full_name"], responsible_id=given["responsible"], actor=actor, at=at
    )


def _hand_over(user: User, given: Given, *, actor: Actor, at: datetime) -> None:
    services.change_service_account(
        user.id, responsible_id=given["responsible"], actor=actor, at=at
    )


ACTS = {
    "add_person": Act(
        "Add a person",
        _add_person,
        forms.PersonForm,
        "They choose their password by “forgot password”, or sign in by the identity provider.",
        "is added.",
        on_rows=False,
    ),
    "add_service": Act(
        "Add a service account",
        _add_service,
        forms.ServiceForm,
        "It has no password: machines call by its API keys, with the roles that it is given.",
        "is added.",
        on_rows=False,
        needs_proof=True,
    ),
    "grant": Act(
        "Give a role",
        _grant,
        forms.GrantForm,
        "It takes the place of what was given by hand there, from the next request on.",
        "has the role.",
        in_lists=False,
        needs_proof=True,
    ),
    "hand_over": Act(
        "Hand over",
        _hand_over,
        forms.ResponsibleForm,
        done="is handed over.",
        in_lists=False,
        needs_proof=True,
    ),
    "sign_out": Act(
        "End sessions",
        _sign_out,
        NothingForm,
        "Everywhere, at once. API keys go on.",
        "is signed out.",
    ),
    "unlock": Act(
        "Unlock",
        _unlock,
        about="Sign-in works again after too many wrong passwords.",
        done="may try again.",
    ),
    "reset_2fa": Act(
        "Reset second factor",
        _reset_2fa,
        about="For somebody who lost it, when you are sure who asks. Their sessions end.",
        done="has no second factor now.",
        needs_proof=True,
    ),
    "disable": Act(
        "Disable",
        _disable,
        about="Their sessions end at once and they are let in no more, until enabled.",
        done="is disabled.",
    ),
    "enable": Act("Enable", _enable, about="They are let in again.", done="is enabled."),
    "erase": Act(
        "Erase",
        _erase,
        about="E-mail, name, password, second factor and all rights go for good; the id stays. "
        "What they typed into outages and notes stays too. This cannot be undone.",
        done="is erased.",
        in_lists=False,
        is_grave=True,
        needs_proof=True,
    ),
}
