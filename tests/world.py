"""A small world for tests: people by role, places, outages. Everything is made by the verbs."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Barrier
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import Client as DjangoClient
from django.utils import timezone

from accounts import policy as access
from accounts import queries as accounts
from accounts import services as access_verbs
from accounts.choices import SessionKind, SessionState
from accounts.models import Session, User
from core.actors import Actor, system
from network import policy as network_forms
from network import services as network
from network.models import Operator, Region, Site
from outages import services as outages
from outages.models import Outage
from outages.policy.intake import OutageFacts

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
PASSWORD = "plain horse battery staple"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = count(1)

T = TypeVar("T")


def nobody() -> Actor:
    """The product itself."""
    return system("tests")


def person(
    role: str | None = "engineer",
    *,
    email: str | None = None,
    password: str | None = None,
    full_name: str | None = None,
    region: Region | None = None,
    site: Site | None = None,
) -> User:
    """A new person with this role, everywhere or in one place; signs in if given a password."""
    place = region or site
    user = access_verbs.create_user(
        email=email or f"{role or 'nobody'}-{next(_numbers)}@example.test",
        password=password,
        full_name=full_name,
        role=None if place else role,
        actor=nobody(),
        at=LONG_AGO,
    )
    if place is not None and role is not None:
        access_verbs.grant_role(
            user.id,
            role,
            scope_kind="region" if region else "site",
            scope_id=place.wire_id,
            actor=nobody(),
            at=LONG_AGO,
        )
    return user


def standing(role: str) -> User:
    """The one person who stands for a role in this test."""
    email = f"{role}@example.test"
    return User.objects.filter(email=email).first() or person(role, email=email)


def actor(role: str = "engineer", **given: Any) -> Actor:
    """The actor of the standing person of a role; with further arguments, of a new person.

    They have proved at AT that it is them.
    """
    return proved(person(role, **given) if given else standing(role))


def proved(user: User, at: datetime = AT) -> Actor:
    """The actor of this person, who gave a password or code at this instant."""
    return replace(accounts.actor_of(user), reauthenticated_at=at)


def session(user: User, at: datetime | None = None, **given: Any) -> Session:
    """A live session of this person, opened now or at an instant."""
    at = at or timezone.now()
    values = {
        "kind": SessionKind.LOGIN,
        "state": SessionState.LIVE,
        "expires_at": at + timedelta(days=14),
        "ends_at": at + timedelta(days=30),
        "reauthenticated_at": at,
        "created_at": at,
        "last_seen_at": at,
    }
    return Session.objects.create(user=user, **values | given)


def office(
    who: str | User = "manager", *, at: datetime | None = None, **given: Any
) -> DjangoClient:
    """A browser in which this person (or the standing one of a role) is in the back office."""
    at = at or timezone.now()
    values = {"expires_at": at + timedelta(minutes=15), "ends_at": at + timedelta(hours=8)}
    user = who if isinstance(who, User) else standing(who)
    row = session(user, at, kind=SessionKind.BACK_OFFICE, **values | given)
    client = DjangoClient()
    held = client.session
    held["back_office"] = str(row.id)
    held.save()
    return client


def access_token(user: User, of: Session | None = None, at: datetime | None = None) -> str:
    """An access token of this person."""
    at = at or timezone.now()
    return access.sign_token(
        "access",
        user_id=user.id,
        session_id=(of or session(user, at)).id,
        at=at,
        expires_at=at + timedelta(minutes=15),
        key=settings.JWT_SECRET_KEY,
    )


def api_key(
    user: User, *scopes: str, at: datetime | None = None, **terms: Any
) -> access_verbs.MadeKey:
    """A key of this person, which reads outages unless said otherwise."""
    asked = access_verbs.KeyTerms(name="a machine", scopes=scopes or ("outages:read",), **terms)
    return access_verbs.create_api_key(
        asked, owner_id=user.id, actor=nobody(), at=at or timezone.now()
    )


def impersonation(
    user: User, admin: User | None = None, at: datetime | None = None
) -> access_verbs.Impersonation:
    """An administrator, the standing one unless named, acts as this person."""
    at = at or timezone.now()
    own = session(admin or standing("admin"), at, mfa_at=at)
    caller, _ = accounts.actor_of_session(own.id, at=at)
    return access_verbs.impersonate(user.id, reason="to see what they see", actor=caller, at=at)


class Client:
    """Calls the API, as somebody or as nobody. Paths start behind ``/api/v1``."""

    def __init__(self, token: str = "") -> None:
        self.http = DjangoClient(enforce_csrf_checks=True)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, Any] | None = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> HttpResponse:
        """Send a JSON body (or bytes as they are); headers as ``If_Match="..."``."""
        data = b"" if body is None else body
        if not isinstance(data, bytes | str):
            data = json.dumps(data)
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.generic(
            method,
            settings.API_V1_PREFIX + path,
            data,
            content_type=content_type,
            headers=self.headers | spelled,
            query_params=query,
        )

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        return self.request("GET", path, query=query, **headers)

    def post(self, path: str, body: Any = None, **more: Any) -> HttpResponse:
        return self.request("POST", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> HttpResponse:
        return self.request("PUT", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> HttpResponse:
        return self.request("PATCH", path, body, **more)

    def delete(self, path: str, body: Any = None, **more: Any) -> HttpResponse:
        return self.request("DELETE", path, body, **more)


def client(role: str | None = "engineer", *, user: User | None = None) -> Client:
    """A client that signs as the standing person of a role, as this person, or (None) as nobody."""
    if user is None and role is None:
        return Client()
    return Client(access_token(user or standing(role or "")))


def region(code: str, parent: Region | None = None) -> Region:
    new = network_forms.NewRegion(
        code=code, name=code.title(), parent=parent.code if parent else None
    )
    return network.create_region(new, actor=nobody(), at=AT)


def operator(code: str = "acme", **given: Any) -> Operator:
    new = network_forms.NewOperator(code=code, **{"name": code.title()} | given)
    return network.create_operator(new, actor=nobody(), at=AT)


def site(
    code: str | None = None,
    *,
    region: Region | None = None,
    operator: Operator | None = None,
    **given: Any,
) -> Site:
    """An active site."""
    code = code or f"SITE-{next(_numbers)}"
    new = network_forms.NewSite(
        code=code,
        region=region.code if region else None,
        operator=operator.code if operator else None,
        **{"name": f"Site {code}"} | given,
    )
    return network.create_site(new, actor=nobody(), at=AT)


def facts(**given: Any) -> OutageFacts:
    """What somebody reports: two hours of darkness on Lagos Island, unless said otherwise."""
    told = {
        "site_name": "Lagos Island",
        "severity": "critical",
        "detected_at": "2026-01-05T10:00:00Z",
        "description": "No signal on all sectors",
    }
    return OutageFacts.model_validate(told | given)


def outage(**given: Any) -> Outage:
    """An open outage, or with ``status="resolved"`` and its end a resolved one."""
    made, _ = outages.open_outage(facts(**given), actor=actor("engineer"), at=AT)
    return made


def at_once(times: int, call: Callable[[int], T]) -> list[T]:
    """Call from so many threads at the same moment; the answers by number. Needs a real commit."""
    barrier = Barrier(times)

    def one(number: int) -> T:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(one, range(times)))


def everything() -> dict[str, str]:
    """A fingerprint of every table that holds rows, to see that nothing was written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()"
        )
        tables = sorted(table for (table,) in cursor.fetchall())
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{table}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"
                for table in tables
            )
        )
        return {table: digest for table, digest in cursor.fetchall() if digest}


def much_later() -> datetime:
    """When everything that was put off is due."""
    return timezone.now() + timedelta(days=1)
