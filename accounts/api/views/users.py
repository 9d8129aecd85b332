"""The doors through which administrators look after people; managers look on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce
from rest_framework.request import Request

from accounts import policy, services
from accounts.api import access_examples as examples
from accounts.api import access_filters as filters
from accounts.api import access_forms as forms
from accounts.api.forms import SignedOutResponse
from accounts.api.own_account_forms import OwnSessionResponse, session_forms
from accounts.api.views.base import AccountView
from accounts.models import Session, User
from core import wire
from core.actors import ImpersonatorRefused, ReauthenticationRequired, SecondFactorRequired
from core.errors import NothingToChange
from core.ids import MalformedId, decode
from core.openapi import list_of, operation
from core.pagination import Listing, ListQuery, Sort, read_instant
from core.views import Answer

PATH = {"user_id": "The account's id (usr_...)."}
NOT_THERE = (MalformedId, services.UserNotFound)
REFUSED_TO_SEE = (SecondFactorRequired,)
REFUSED_TO_MANAGE = (SecondFactorRequired, ImpersonatorRefused)
REFUSED_TO_CHANGE_RIGHTS = (*REFUSED_TO_MANAGE, ReauthenticationRequired)
_LAST = Value(datetime(9999, 12, 31, tzinfo=UTC), output_field=DateTimeField())

LISTING: Listing[User] = Listing(
    sorts={
        "created_at": Sort("created_at", read_instant),
        "full_name": Sort("full_name"),
        "email": Sort(Coalesce("email", Value("\U0010ffff"))),  # services last
        "last_login_at": Sort(Coalesce("last_login_at", _LAST), read_instant),
    },
    default="created_at:desc",
    form=forms.account_forms,
)


def address_of(wire_id: str) -> str:
    return f"{settings.API_V1_PREFIX}/access/users/{wire_id}"


class UserFormView(AccountView):
    """Answers with the account as it is now."""

    def represent(self, subject: str) -> Any:
        user = filters.accounts().filter(id=decode(policy.USER, subject)).first()
        if user is None:
            raise services.UserNotFound
        return forms.account_form(user)


class UsersView(UserFormView):
    @operation(
        "List people and service accounts",
        response=list_of(forms.AccountResponse),
        role="manager",
        query=filters.UserQuery,
        refuses=REFUSED_TO_SEE,
        example=examples.page_of(examples.ACCOUNT, "created_at"),
    )
    def get(self, request: Request) -> Any:
        policy.require_may_see_people(self.actor)
        query = wire.read_query(filters.UserQuery, dict(request.query_params.lists()))
        return LISTING.answer(filters.narrow_users(query, self.at), query)

    @operation(
        "Add a colleague, with a role everywhere or none yet",
        response=forms.AccountResponse,
        status=201,
        role="admin",
        body=forms.UserRequest,
        writes=True,
        refuses=(
            *REFUSED_TO_CHANGE_RIGHTS,
            policy.RoleAboveOwn,
            services.EmailTaken,
            services.InvalidEmail,
            services.PasswordTooWeak,
        ),
        body_example={"email": "ada@example.com", "full_name": "Ada Obi", "role": "engineer"},
        example=examples.ACCOUNT,
    )
    def post(self, request: Request) -> Answer:
        given = wire.read(forms.UserRequest, request.data)
        user = services.create_user(
            email=given.email,
            full_name=given.full_name,
            password=given.password,
            role=given.role,
            actor=self.actor,
            at=self.at,
        )
        return Answer(subject=user.wire_id, status=201, location=address_of(user.wire_id))


class UserView(UserFormView):
    @operation(
        "Show an account",
        response=forms.AccountResponse,
        role="manager",
        path=PATH,
        refuses=(*REFUSED_TO_SEE, *NOT_THERE),
        example=examples.ACCOUNT,
    )
    def get(self, request: Request, user_id: str) -> Any:
        policy.require_may_see_people(self.actor)
        return self.represent(user_id)

    @operation(
        "Correct what somebody is called",
        response=forms.AccountResponse,
        role="admin",
        body=forms.UserChange,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE, NothingToChange),
        body_example={"full_name": "Ada Obi-Chukwu"},
        example=examples.ACCOUNT | {"full_name": "Ada Obi-Chukwu"},
    )
    def patch(self, request: Request, user_id: str) -> Answer:
        given = wire.read(forms.UserChange, request.data)
        if given.full_name is None:
            raise NothingToChange
        user = services.rename_user(
            decode(policy.USER, user_id), given.full_name, actor=self.actor, at=self.at
        )
        return Answer(subject=user.wire_id)


class _ReasonedView(UserFormView):
    """One verb on an account, with a reason."""

    verb: ClassVar[Callable[..., User]]

    def act(self, request: Request, user_id: str) -> Answer:
        given = wire.read(forms.ReasonRequest, request.data)
        user = type(self).verb(
            decode(policy.USER, user_id), reason=given.reason, actor=self.actor, at=self.at
        )
        return Answer(subject=user.wire_id)


class DisableView(_ReasonedView):
    verb = services.disable_user

    @operation(
        "Shut somebody out at once; all their sessions end",
        response=forms.AccountResponse,
        role="admin",
        body=forms.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE, services.LastAdmin),
        body_example={"reason": "Left the company."},
        example=examples.ACCOUNT | {"status": "disabled"},
    )
    def post(self, request: Request, user_id: str) -> Answer:
        return self.act(request, user_id)


class EnableView(_ReasonedView):
    verb = services.enable_user

    @operation(
        "Let somebody in again, or for the first time",
        response=forms.AccountResponse,
        role="admin",
        body=forms.ReasonRequest,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE),
        body_example={"reason": "Approved."},
        example=examples.ACCOUNT,
    )
    def post(self, request: Request, user_id: str) -> Answer:
        return self.act(request, user_id)


class ResetSecondFactorView(UserFormView):
    @operation(
        "Take a lost second factor off somebody's account; all their sessions end",
        response=forms.AccountResponse,
        role="admin",
        body=forms.RequiredReasonRequest,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_CHANGE_RIGHTS, *NOT_THERE, policy.OwnSecondFactor),
        body_example={"reason": "Lost the phone; known by voice."},
        example=examples.ACCOUNT | {"two_factor": False},
    )
    def post(self, request: Request, user_id: str) -> Answer:
        given = wire.read(forms.RequiredReasonRequest, request.data)
        user = services.reset_2fa(
            decode(policy.USER, user_id), reason=given.reason, actor=self.actor, at=self.at
        )
        return Answer(subject=user.wire_id)


class EraseUserView(AccountView):
    @operation(
        "Erase what is known of somebody; their id stays",
        response=forms.ErasedResponse,
        role="admin",
        body=forms.RequiredReasonRequest,
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_CHANGE_RIGHTS, *NOT_THERE, services.LastAdmin),
        body_example={"reason": "Asked us to, ticket 4711."},
        example=examples.ERASED,
    )
    def post(self, request: Request, user_id: str) -> Answer:
        given = wire.read(forms.RequiredReasonRequest, request.data)
        user = services.erase_user(
            decode(policy.USER, user_id), reason=given.reason, actor=self.actor, at=self.at
        )
        return Answer(subject=user.wire_id)

    def represent(self, subject: str) -> Any:
        return forms.erased_form(_known(subject))


class LogOutUserView(AccountView):
    @operation(
        "End all sessions of somebody; their API keys stay",
        response=SignedOutResponse,
        role="admin",
        path=PATH,
        writes=True,
        refuses=(*REFUSED_TO_MANAGE, *NOT_THERE),
        example={"message": "Signed out.", "sessions_invalidated": 2},
    )
    def post(self, request: Request, user_id: str) -> Any:
        policy.require_may_manage_people(self.actor)
        user = _known(user_id)
        ended = services.revoke_all_sessions(
            user.id, reason="admin_logout", actor=self.actor, at=self.at
        )
        return {"message": "Signed out.", "sessions_invalidated": ended}


class UserSessionsView(AccountView):
    @operation(
        "The sessions of somebody that have not ended",
        response=list_of(OwnSessionResponse),
        role="manager",
        path=PATH,
        query=ListQuery,
        refuses=(*REFUSED_TO_SEE, *NOT_THERE),
        example=examples.page_of(examples.SESSION, "last_seen_at"),
    )
    def get(self, request: Request, user_id: str) -> Any:
        policy.require_may_see_people(self.actor)
        query = wire.read_query(ListQuery, dict(request.query_params.lists()))
        listing: Listing[Session] = Listing(
            sorts={
                "last_seen_at": Sort("last_seen_at", read_instant),
                "created_at": Sort("created_at", read_instant),
            },
            default="last_seen_at:desc",
            form=session_forms(self.actor.session_id),
        )
        return listing.answer(Session.objects.live(self.at).filter(user=_known(user_id)), query)


def _known(user_id: str) -> User:
    user = User.objects.filter(id=decode(policy.USER, user_id)).first()
    if user is None:
        raise services.UserNotFound
    return user
