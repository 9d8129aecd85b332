"""Signing in by an identity provider, and the roles that its groups give."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from accounts import policy
from accounts.choices import GrantSource, Method, Role, SessionKind, UserKind, UserStatus
from accounts.events import AccountChanged
from accounts.models import Grant, GroupMapping, Identity, User
from accounts.policy import oidc as rules
from accounts.policy.oidc import Identified
from accounts.services import grants
from accounts.services.keys import end_api_keys
from accounts.services.sessions import SignedIn, open_for, revoke_all_sessions
from audit import services as audit
from core import events
from core.actors import Actor, reaches, system
from core.ids import uuid7

FROM_GROUPS = "groups at the identity provider"


@dataclass(frozen=True)
class Synced:
    """What a sign-in changed in the roles from the provider."""

    given: int = 0
    ended: int = 0
    renewed: int = 0
    unknown_groups: int = 0


def sign_in_by_oidc(
    identified: Identified,
    *,
    address: str | None,
    user_agent: str,
    at: datetime,
    kind: SessionKind = SessionKind.OIDC,
) -> SignedIn:
    """Sign in whom the provider has identified; a new one gets an account without a password.

    Their name is refreshed, their e-mail address if it is verified and free, their roles by
    ``sync_idp_grants``. Who has no role at all afterwards does not come in; to the back office
    operators and above do.
    Emits AccountChanged, SessionRevoked. Audits accounts.open_session, accounts.refuse_sign_in,
    accounts.create_user, accounts.link_identity, accounts.change_profile.
    Raises: OidcNoAccess, OidcAccountExists, OidcEmailMissing, OidcEmailUnverified.
    """
    identified = replace(identified, email=_usable(identified.email))
    us = system("accounts")
    try:
        with transaction.atomic():
            _await_turn(identified)
            user = _known(identified, at) or _linked(identified, at) or _made(identified, at)
            sync_idp_grants(user.id, identified.groups, actor=us, at=at)
            held = Grant.objects.held_by(user.id).live(at)
            if kind == SessionKind.BACK_OFFICE:
                held = held.exclude(role=Role.VIEWER)
            if held.exists():
                return open_for(
                    user,
                    kind=kind,
                    methods=[Method.OIDC],
                    address=address,
                    user_agent=user_agent,
                    at=at,
                    mfa_at=at if identified.second_factor else None,
                )
        # Beyond the transaction: the end of the roles that the groups gave no more stands.
        raise rules.OidcNoAccess
    except rules.OidcRefused as refused:
        refuse_oidc(refused, identified, at=at)
        raise


def refuse_oidc(
    refused: rules.OidcRefused, identified: Identified | None = None, *, at: datetime
) -> None:
    """Note a sign-in by the provider that was refused. Audits accounts.refuse_sign_in."""
    known = identified and _identities(identified).select_related("user").first()
    with transaction.atomic():
        audit.record(
            action="accounts.refuse_sign_in",
            subject=("user", known.user.wire_id if known else "unknown"),
            actor=system("accounts"),
            at=at,
            reason=refused.code,
        )


def sync_idp_grants(
    user_id: UUID, groups: Collection[str] | None, *, actor: Actor, at: datetime
) -> Synced:
    """Make a person's roles from the provider exactly what these groups give, for some hours.

    Groups that are mapped to nothing count as nothing; of two roles in one place the higher one
    holds; ``OAUTH_DEFAULT_ROLE`` is given with or without groups. None: the provider tells of no
    groups, and no role from them changes. Roles that a person gave are not looked at.
    Emits AccountChanged, SessionRevoked with the last role. Audits accounts.sync_idp_grants,
    accounts.grant_role, accounts.end_grant. Raises: NotPermitted, UserNotFound.
    """
    policy.require_may_manage_people(actor)
    with transaction.atomic():
        user = grants.locked_user(user_id)
        from_provider = Grant.objects.filter(user=user, source=GrantSource.IDP)
        held = list(from_provider.filter(ended_at__isnull=True).order_by("id"))
        if groups is None:
            held = [grant for grant in held if _place(grant) == rules.EVERYWHERE]
            if _needs_no_default(held, at):
                return Synced()
        mappings = _mappings(groups or ())
        wanted = _wanted(mappings)
        synced, ended = Synced(unknown_groups=_unknown(groups, mappings)), {}
        until = at + timedelta(hours=settings.OAUTH_GRANT_TTL_HOURS)
        for grant in held:
            place = _place(grant)
            if grant.role == wanted.get(place) and not _is_over(grant, at):
                del wanted[place]
                grant.valid_until = until
                grant.save(update_fields=["valid_until"])
                synced = replace(synced, renewed=synced.renewed + 1)
            else:
                ended[place] = grant.role
                grants.end(grant, actor=actor, at=at, reason=FROM_GROUPS)
        for (kind, scope_id), role in wanted.items():
            terms = grants.Terms(role, kind, scope_id, until, FROM_GROUPS)
            returns = ended.get((kind, scope_id)) == role  # after a weekend it is no news
            grants.give(
                user, terms, actor=actor, at=at, source=GrantSource.IDP, is_news=not returns
            )
        synced = replace(synced, given=len(wanted), ended=len(ended))
        if ended:
            grants.sign_out_without_role([user.id], actor=actor, at=at)
        audit.record(
            action="accounts.sync_idp_grants",
            subject=("user", user.wire_id),
            actor=actor,
            at=at,
            after=vars(synced) | {"valid_until": until},
        )
        return synced


def _needs_no_default(held: list[Grant], at: datetime) -> bool:
    """Whether there is no default role, or what is held everywhere is above it."""
    role = settings.OAUTH_DEFAULT_ROLE
    return role is None or any(
        grant.role != role and reaches(grant.role, role) and not _is_over(grant, at)
        for grant in held
    )


def _mappings(groups: Collection[str]) -> list[GroupMapping]:
    mapped = GroupMapping.objects.filter(
        provider=settings.OAUTH_PROVIDER_ID, claim_value__in=list(groups)
    )
    return list(mapped.order_by("id"))


def _wanted(mappings: list[GroupMapping]) -> dict[rules.Place, str]:
    return rules.roles_by_place(
        ((each.role, each.scope_kind, each.scope_id) for each in mappings),
        settings.OAUTH_DEFAULT_ROLE,
    )


def _unknown(groups: Collection[str] | None, mappings: list[GroupMapping]) -> int:
    return len(set(groups or ()) - {each.claim_value for each in mappings})


def _place(grant: Grant) -> rules.Place:
    return grant.scope_kind, grant.scope_id


def _is_over(grant: Grant, at: datetime) -> bool:
    return grant.valid_until is not None and grant.valid_until <= at


def _usable(email: str | None) -> str | None:
    try:
        validate_email(email)
    except ValidationError:
        return None
    return email if email and len(email) <= policy.LONGEST_EMAIL else None


def _await_turn(identified: Identified) -> None:
    """Let two sign-ins of one subject follow each other: there may be no row yet to lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"accounts.identity:{identified.issuer} {identified.subject}"],
        )


def _identities(identified: Identified) -> QuerySet[Identity]:
    return Identity.objects.filter(issuer=identified.issuer, subject=identified.subject)


def _known(identified: Identified, at: datetime) -> User | None:
    """Who this subject is here, with what the provider says of them now; None for a new one."""
    identity = _identities(identified).first()
    if identity is None:
        return None
    user = _active(identity.user_id)
    changed = _told_anew(user, identified, at)
    if changed:
        user.save(update_fields=changed)
        audit.record(
            action="accounts.change_profile",
            subject=("user", user.wire_id),
            actor=system("accounts"),
            at=at,
            after={"changed": changed},
            reason="told by the identity provider",
        )
    return user


def _told_anew(user: User, identified: Identified, at: datetime) -> list[str]:
    """Set what the provider knows better; returns the names of the fields."""
    changed = []
    if identified.full_name and identified.full_name != user.full_name:
        user.full_name = identified.full_name
        changed.append("full_name")
    if not identified.email or not identified.email_verified:
        return changed
    if identified.email != user.email and _set_email(user, identified.email):
        changed.append("email")
    if identified.email == user.email and ("email" in changed or user.email_verified_at is None):
        user.email_verified_at = at
        changed.append("email_verified_at")
    return changed


def _set_email(user: User, email: str) -> bool:
    """Take the address unless somebody has it, also somebody who takes it just now."""
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(email=email)
    except IntegrityError:
        return False
    user.email = email
    return True


def _linked(identified: Identified, at: datetime) -> User | None:
    """The account that has the e-mail address already, if the operator lets it be linked."""
    if identified.email is None:
        raise rules.OidcEmailMissing
    held = User.objects.filter(email=identified.email).first()
    if held is None:
        return None
    if not (settings.OAUTH_LINK_BY_EMAIL and identified.email_verified):
        raise rules.OidcAccountExists
    user = _active(held.id)
    if user.email_verified_at is None:
        _take_from_whoever_registered(user, at)
    _link(user, identified, at)
    events.publish(
        AccountChanged(occurred_at=at, user_id=user.wire_id, what="identity_provider_linked")
    )
    return user


def _take_from_whoever_registered(user: User, at: datetime) -> None:
    """Void what lets somebody in who never proved the address: it may not have been theirs.

    A second factor stays: it keeps out, it does not let in.
    """
    us = system("accounts")
    user.set_unusable_password()
    user.email_verified_at = at
    user.save(update_fields=["password", "email_verified_at"])
    end_api_keys(user.id, "address_proved_by_another", actor=us, at=at)
    revoke_all_sessions(user.id, reason="address_proved_by_another", actor=us, at=at)


def _made(identified: Identified, at: datetime) -> User:
    """A new person, if the provider vouches for their address and something gives them a role."""
    if identified.email_verified is False:
        raise rules.OidcEmailUnverified
    if not _wanted(_mappings(identified.groups or ())):
        raise rules.OidcNoAccess
    email = identified.email or ""
    user = User(
        id=uuid7(),
        email=email,
        full_name=identified.full_name or policy.name_from_email(email),
        password=make_password(None),
        email_verified_at=at if identified.email_verified else None,
        created_at=at,
    )
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:  # of two subjects with one address the other was faster
        raise rules.OidcAccountExists from None
    audit.record(
        action="accounts.create_user",
        subject=("user", user.wire_id),
        actor=system("accounts"),
        at=at,
        after={"kind": user.kind, "status": user.status},
        reason="first sign-in by the identity provider",
    )
    _link(user, identified, at)
    return user


def _link(user: User, identified: Identified, at: datetime) -> None:
    Identity.objects.create(
        user=user, issuer=identified.issuer, subject=identified.subject, created_at=at
    )
    audit.record(
        action="accounts.link_identity",
        subject=("user", user.wire_id),
        actor=system("accounts"),
        at=at,
        after={"provider": settings.OAUTH_PROVIDER_ID},
    )


def _active(user_id: UUID) -> User:
    user = grants.locked_user(user_id)
    if user.status != UserStatus.ACTIVE or user.kind != UserKind.PERSON:
        raise rules.OidcNoAccess
    return user
