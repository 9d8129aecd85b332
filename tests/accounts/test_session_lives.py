"""Whatever people do in whatever order: who gets in, with which rights, and what a theft costs.

A model of the rules, a dozen lines of plain Python, is compared with the product after each step:
A1 no one passes on a session that is not live; A2 no right without a live grant; A3 one present
generation, and a used token betrays its theft; A4 an administrator is always left.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pytest_django import Settings

from accounts import policy, queries, services
from accounts.choices import Method, SessionKind
from accounts.models import Grant, Session, User
from core.actors import ROLES
from tests import world

IDLE, ABSOLUTE, GRACE = timedelta(days=14), timedelta(days=30), timedelta(seconds=10)


@dataclass
class Life:
    """What the model knows of a session."""

    user: UUID
    expires_at: datetime
    ends_at: datetime
    generation: int = 0
    rotated_at: datetime | None = None
    ended: bool = False


@dataclass
class Held:
    """What the model knows of the one global grant of a person."""

    id: UUID
    role: str
    until: datetime | None


class Lives(RuleBasedStateMachine):
    people = Bundle("people")
    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.at = world.AT
        self.active: dict[UUID, bool] = {}
        self.grants: dict[UUID, Held | None] = {}
        self.sessions: dict[UUID, Life] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    @initialize(target=people)
    def an_administrator(self) -> UUID:
        user = world.person("admin")
        return self._met(user)

    @precondition(lambda self: len(self.active) < 4)
    @rule(target=people)
    def register(self) -> UUID:
        email = f"p{len(self.active)}@example.test"
        user, _ = services.register_user(email=email, password=world.PASSWORD, at=self.at)
        return self._met(user)

    def _met(self, user: User) -> UUID:
        self.active[user.id] = True
        grant = user.grants.get()
        self.grants[user.id] = Held(grant.id, grant.role, None)
        return user.id

    # --- What people do ---------------------------------------------------------------------
    @rule(target=tokens, who=people)
    def sign_in(self, who: UUID) -> tuple[UUID, int]:
        user = User.objects.get(id=who)
        try:
            opened = services.open_for(
                user,
                kind=SessionKind.LOGIN,
                methods=[Method.PASSWORD],
                address="192.0.2.1",
                user_agent="",
                at=self.at,
            )
        except policy.CredentialsInvalid:
            assert not self.active[who]
            return (who, 0)  # names no session
        assert self.active[who]
        life = Life(who, min(self.at + IDLE, self.at + ABSOLUTE), self.at + ABSOLUTE)
        self.sessions[opened.session_id] = life
        return (opened.session_id, 0)

    @rule(target=tokens, token=tokens)
    def rotate_or_replay(self, token: tuple[UUID, int]) -> tuple[UUID, int]:
        session_id, generation = token
        life = self.sessions.get(session_id)
        expected = self._judge(life, generation)
        try:
            got = services.rotate_session(session_id, generation, at=self.at)
        except (policy.CredentialsInvalid, policy.SessionRevoked):
            assert expected in ("refused", "reuse")
            return token
        assert expected in ("next", "again")
        assert life is not None
        assert got.generation == life.generation
        return (session_id, got.generation)

    @rule(target=tokens, token=tokens, seconds=st.sampled_from([0, 5, 10, 11, 60]))
    def thief_and_owner(self, token: tuple[UUID, int], seconds: int) -> tuple[UUID, int]:
        """Two hold the same token, and both use it."""
        got = self.rotate_or_replay(token)
        self.at += timedelta(seconds=seconds)
        self.rotate_or_replay(token)
        return got

    def _judge(self, life: Life | None, generation: int) -> str:
        if life is None or not self._lives(life):
            return "refused"
        if generation == life.generation:
            life.generation += 1
            life.rotated_at = self.at
            life.expires_at = min(self.at + IDLE, life.ends_at)
            return "next"
        assert life.rotated_at is not None
        if generation == life.generation - 1 and self.at - life.rotated_at <= GRACE:
            return "again"
        life.ended = True
        return "reuse"

    @rule(token=tokens)
    def sign_out(self, token: tuple[UUID, int]) -> None:
        life = self.sessions.get(token[0])
        if life is not None:
            services.revoke_session(token[0], reason="logout", actor=world.nobody(), at=self.at)
            life.ended = True

    @rule(who=people)
    def sign_out_everywhere(self, who: UUID) -> None:
        services.revoke_all_sessions(who, reason="all", actor=world.nobody(), at=self.at)
        self._end_all_of(who)

    # --- What administrators do -------------------------------------------------------------
    @rule(
        who=people,
        role=st.sampled_from(ROLES),
        lasts=st.sampled_from([None, timedelta(hours=1), timedelta(days=20)]),
    )
    def grant(self, who: UUID, role: str, lasts: timedelta | None) -> None:
        until = self.at + lasts if lasts else None
        held = self.grants[who]
        is_same = held is not None and (held.role, held.until) == (role, until)
        try:
            made = services.grant_role(
                who, role, valid_until=until, actor=world.nobody(), at=self.at
            )
        except services.LastAdmin:
            assert self._would_be_last(who)
            return
        assert is_same or not self._would_be_last(who)
        self.grants[who] = Held(made.id, role, until)

    @rule(who=people)
    def end_grant(self, who: UUID) -> None:
        held = self.grants[who]
        if held is None:
            return
        try:
            services.end_grant(held.id, actor=world.nobody(), at=self.at)
        except services.LastAdmin:
            assert self._would_be_last(who)
            return
        assert not self._would_be_last(who)
        self.grants[who] = None
        self._end_all_of(who)

    @rule(who=people)
    def disable(self, who: UUID) -> None:
        try:
            services.disable_user(who, actor=world.nobody(), at=self.at)
        except services.LastAdmin:
            assert self._would_be_last(who)
            return
        if self.active[who]:
            assert not self._would_be_last(who)
            self.active[who] = False
            self._end_all_of(who)

    @rule(who=people)
    def enable(self, who: UUID) -> None:
        services.enable_user(who, actor=world.nobody(), at=self.at)
        self.active[who] = True

    @rule(
        span=st.sampled_from(
            [timedelta(seconds=seconds) for seconds in (1, 9, 10, 11, 60, 3600)]
            + [timedelta(days=days) for days in (1, 13, 14)]
        )
    )
    def time_passes(self, span: timedelta) -> None:
        self.at += span

    # --- The model --------------------------------------------------------------------------
    def _lives(self, life: Life) -> bool:
        in_time = self.at < life.expires_at and self.at < life.ends_at
        return not life.ended and self.active[life.user] and in_time

    def _end_all_of(self, who: UUID) -> None:
        for life in self.sessions.values():
            life.ended = life.ended or life.user == who

    def _in_power(self) -> set[UUID]:
        return {
            who
            for who, held in self.grants.items()
            if held and held.role == "admin" and held.until is None and self.active[who]
        }

    def _would_be_last(self, who: UUID) -> bool:
        return self._in_power() == {who}

    @invariant()
    def nobody_passes_but_on_a_live_session_and_with_what_they_hold(self) -> None:
        for session_id, life in self.sessions.items():
            try:
                actor, _ = queries.actor_of_session(session_id, at=self.at)
            except (policy.CredentialsInvalid, policy.SessionRevoked):
                assert not self._lives(life)
                continue
            assert self._lives(life)
            held = self.grants[life.user]
            holds = held is not None and (held.until is None or held.until > self.at)
            assert actor.global_role == (held.role if held and holds else "")

    @invariant()
    def each_session_has_the_generation_it_should(self) -> None:
        rows = dict(Session.objects.values_list("id", "generation"))
        assert rows == {key: life.generation for key, life in self.sessions.items()}

    @invariant()
    def an_administrator_is_left(self) -> None:
        lasting = Grant.objects.live(self.at).filter(role="admin", valid_until__isnull=True)
        in_power = lasting.filter(user__status="active").values_list("user_id", flat=True)
        assert set(in_power) == self._in_power()
        assert not self.active or in_power


@pytest.mark.django_db
@pytest.mark.parametrize(
    "examples", [25, pytest.param(400, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
def test_sessions_and_rights_hold_their_promises_in_every_order(
    examples: int, settings: Settings
) -> None:
    settings.REGISTRATION_POLICY, settings.REGISTRATION_ROLE = "open", "viewer"
    run_state_machine_as_test(Lives, settings=plan(examples))


def plan(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
