"""Who is asking: against a bare view, the same view unasked, and a sign-in against its hash."""

import json
import secrets
import time
from dataclasses import dataclass

from django.utils import timezone

from bench.harness import (
    BARE,
    OPEN,
    PRODUCT,
    Call,
    Crowd,
    Goal,
    Turn,
    compare,
    database,
    options,
    serving,
    settle,
)

ME = Call("GET", "/api/v1/auth/me")
TABLES = ("accounts_user", "accounts_grant", "accounts_session", "accounts_apikey")


@dataclass(frozen=True)
class Caller:
    """One engineer, and all that lets them in."""

    id: str
    email: str
    password: str
    encoded: str
    token: str
    key: str
    wire_id: str


def caller() -> Caller:
    from accounts import services as accounts  # noqa: PLC0415 - Django is set up by now
    from core.actors import system  # noqa: PLC0415

    at, password, product = timezone.now(), secrets.token_urlsafe(24), system("accounts")
    person = accounts.create_user(
        email="caller@bench.example", password=password, role="engineer", actor=product, at=at
    )
    terms = accounts.KeyTerms(name="bench", scopes=["outages:read"])
    made = accounts.create_api_key(terms, owner_id=person.id, actor=product, at=at)
    return Caller(
        id=str(person.id),
        email=person.email or "",
        password=password,
        encoded=person.password,
        token=accounts.open_session(
            email=person.email or "", password=password, address=None, user_agent="bench", at=at
        ).access_token,
        key=made.raw_key,
        wire_id=person.wire_id,
    )


def hashing(who: Caller, seconds: float) -> Turn:
    """Verify the password alone for this long, in this process."""
    from django.contrib.auth.hashers import check_password  # noqa: PLC0415

    latencies = []
    started = time.perf_counter()
    while (before := time.perf_counter()) < started + seconds:
        if not check_password(who.password, who.encoded):
            raise RuntimeError("the hash is of another password")
        latencies.append(time.perf_counter() - before)
    return Turn(len(latencies), time.perf_counter() - started, sorted(latencies))


def main() -> None:
    chosen = options(__doc__)
    with database():
        who = caller()
        settle(*TABLES)
        credentials = json.dumps({"email": who.email, "password": who.password}).encode()
        login = Call("POST", "/api/v1/auth/login", credentials)
        row = Call("GET", f"/person/{who.id}")
        with (
            serving("django.core.wsgi:get_wsgi_application()", BARE) as bare_port,
            serving("config.wsgi", PRODUCT) as product_port,
            serving("config.wsgi", {**OPEN, "BENCH_CALLER": who.wire_id}) as open_port,
        ):
            bare = Crowd(bare_port, lambda _: row)
            unasked = Crowd(open_port, lambda _: ME)
            by_token = Crowd(product_port, lambda _: ME, token=who.token)
            by_key = Crowd(product_port, lambda _: ME, token=who.key)
            # One at a time: what is compared is time, and hashes share the processors.
            signing_in = Crowd(product_port, lambda _: login, clients=1)
            compare(
                "auth",
                {
                    "bare view, one SELECT": lambda: bare.turn(chosen.seconds),
                    "GET /auth/me, nobody asked": lambda: unasked.turn(chosen.seconds),
                    "GET /auth/me": lambda: by_token.turn(chosen.seconds),
                    "the same by key": lambda: by_key.turn(chosen.seconds),
                    "Argon2 alone": lambda: hashing(who, chosen.seconds),
                    "sign-in": lambda: signing_in.turn(chosen.seconds),
                },
                [
                    Goal(
                        "GET /auth/me, of the bare view",
                        lambda turns: (
                            turns["GET /auth/me"].rate / turns["bare view, one SELECT"].rate
                        ),
                        least=0.5,
                    ),
                    Goal(
                        "GET /auth/me, of nobody asked",
                        lambda turns: (
                            turns["GET /auth/me"].rate / turns["GET /auth/me, nobody asked"].rate
                        ),
                        least=0.7,
                    ),
                    Goal(
                        "by key, of by token",
                        lambda turns: turns["the same by key"].rate / turns["GET /auth/me"].rate,
                        least=0.9,
                    ),
                    Goal(
                        "sign-in, times the hash alone",
                        lambda turns: (
                            turns["sign-in"].quantile(0.5) / turns["Argon2 alone"].quantile(0.5)
                        ),
                        most=1.3,
                    ),
                ],
                rounds=chosen.rounds,
            )


if __name__ == "__main__":
    main()
