"""Edit, reopen, delete, raise: the rules of each move, and that a refusal writes nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audit import queries as audit
from core.actors import Actor, NotPermitted
from core.errors import NothingToChange, PreconditionFailed, ValidationFailed
from core.models import EventRow
from outages import services
from outages.models import Outage, OutageLife
from outages.policy.intake import OutageChanges, Reopening, Resolution
from outages.queries import OutageNotFound
from outages.services.moves import (
    ImmutableField,
    OutageNotResolved,
    ReasonRequired,
    UseReopen,
)
from tests import world

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
WHY = Reopening(reason="The splice failed again.")
pytestmark = pytest.mark.django_db


def edit(outage: Outage, role: str = "engineer", **changes: Any) -> Outage:
    given = OutageChanges.model_validate(changes)
    return services.edit_outage(outage.reference, given, actor=world.actor(role), at=AT)


def resolved(**given: Any) -> Outage:
    outage = world.outage()
    return services.resolve_outage(
        outage.reference, Resolution(**given), actor=world.actor("engineer"), at=AT
    )


def announced(type_: str) -> int:
    return EventRow.objects.filter(type=type_).count()


# --- edit ----------------------------------------------------------------------------------------


def test_an_edit_tells_before_and_after() -> None:
    edit(world.outage(), severity="high")
    event = EventRow.objects.get(type="outage.updated")
    assert '"changes":{"severity":["critical","high"]}' in event.payload


def test_an_edit_is_one_more_version() -> None:
    assert edit(world.outage(), severity="high").version == 2


def test_values_that_are_there_already_are_no_change() -> None:
    outage = world.outage()
    world.actor("engineer")
    before = world.everything()
    edit(outage, severity="critical", site_name="Lagos Island")
    assert world.everything() == before


def test_null_clears_what_may_be_null() -> None:
    outage = world.outage(affected_subscribers=7, location={"latitude": 5.5, "longitude": -0.2})
    outage = edit(outage, affected_subscribers=None, location=None)
    assert (outage.affected_subscribers, outage.latitude) == (None, None)


def test_an_edit_of_nothing_is_refused() -> None:
    with pytest.raises(NothingToChange):
        edit(world.outage(), nobody_knows=1)


@pytest.mark.parametrize(
    "changes",
    [{"id": "OTHER-1"}, {"created_by": "usr_x"}, {"source": "alert"}, {"settlement": "none"}],
)
def test_what_never_changes_is_refused(changes: dict[str, Any]) -> None:
    outage = world.outage()
    world.actor("engineer")
    before = world.everything()
    with pytest.raises(ImmutableField):
        edit(outage, **changes)
    assert world.everything() == before


def test_status_resolved_resolves_in_the_same_commit() -> None:
    outage = edit(world.outage(), status="resolved", root_cause="Fibre cut")
    assert (outage.status, outage.resolved_at, outage.root_cause) == ("resolved", AT, "Fibre cut")
    assert announced("outage.resolved") == 1


def test_an_edit_that_resolves_tells_what_was_there_before() -> None:
    outage = edit(world.outage(), status="resolved", detected_at="2026-01-05T09:00:00Z")
    entries = map(audit.view, audit.timeline(outage.reference))
    (told,) = [entry for entry in entries if entry.action == "outages.resolve"]
    assert told.before["detected_at"] == "2026-01-05T10:00:00Z"
    assert told.after["detected_at"] == "2026-01-05T09:00:00Z"


def test_an_end_left_empty_beside_resolved_is_no_change() -> None:
    assert edit(resolved(), status="resolved", resolved_at=None).version == 2


def test_an_end_cleared_points_to_reopen() -> None:
    outage = resolved()
    with pytest.raises(UseReopen):
        edit(outage, resolved_at=None)


def test_status_open_on_a_resolved_one_points_to_reopen() -> None:
    with pytest.raises(UseReopen):
        edit(resolved(), status="open")


@pytest.mark.parametrize(
    "changes", [{"detected_at": "2026-01-05T09:00:00Z"}, {"declared_mttr_minutes": 5}]
)
def test_measured_facts_take_an_engineer(changes: dict[str, Any]) -> None:
    with pytest.raises(NotPermitted):
        edit(resolved(), "operator", **changes)


def test_the_severity_of_a_resolved_one_takes_an_engineer() -> None:
    with pytest.raises(NotPermitted):
        edit(resolved(), "operator", severity="low")


def test_a_key_without_the_scope_is_told_which() -> None:
    outage = world.outage()
    key = Actor(id="usr_x", kind="api_key", global_role="engineer")
    changes = OutageChanges.model_validate({"severity": "low"})
    with pytest.raises(NotPermitted) as refused:
        services.edit_outage(outage.reference, changes, actor=key, at=AT)
    assert refused.value.members["required_scope"] == "outages:write"


def test_the_severity_of_an_open_one_takes_an_operator() -> None:
    assert edit(world.outage(), "operator", severity="low").severity == "low"


def test_the_last_life_follows_an_edit() -> None:
    outage = edit(resolved(), resolved_at="2026-01-05T11:00:00Z")
    assert OutageLife.objects.get(outage=outage).resolved_at == AT - timedelta(hours=1)


def test_an_open_outage_takes_no_end_by_edit_alone() -> None:
    with pytest.raises(OutageNotResolved):
        edit(world.outage(), resolved_at="2026-01-05T11:00:00Z")


def test_an_edit_may_not_turn_time_around() -> None:
    with pytest.raises(ValidationFailed):
        edit(resolved(), detected_at="2026-01-05T12:01:00Z")


def test_a_new_site_code_names_a_new_site() -> None:
    outage = edit(world.outage(), site_id=world.site("TEMA-01").code)
    assert outage.site is not None
    assert outage.site.code == "TEMA-01"


def test_an_edit_of_another_version_changes_nothing() -> None:
    outage = world.outage()
    actor = world.actor("operator")
    before = world.everything()
    with pytest.raises(PreconditionFailed):
        services.edit_outage(
            outage.reference, OutageChanges(severity="low"), actor=actor, at=AT, expected=2
        )
    assert world.everything() == before


def test_assigning_a_person_sets_the_key() -> None:
    outage = edit(world.outage(), assigned_to=world.standing("operator").email)
    assert outage.assignee_id == world.standing("operator").id


# --- reopen --------------------------------------------------------------------------------------


def test_a_reopened_outage_is_open_and_forgets_what_was_declared() -> None:
    outage = resolved(mttr_minutes=5)
    outage = services.reopen_outage(outage.reference, WHY, actor=world.actor(), at=AT)
    assert (outage.status, outage.resolved_at, outage.declared_mttr_minutes) == ("open", None, None)


def test_the_life_that_ended_keeps_its_end_and_the_reason() -> None:
    outage = resolved()
    services.reopen_outage(outage.reference, WHY, actor=world.actor(), at=AT)
    life = OutageLife.objects.get(outage=outage)
    assert (life.resolved_at, life.reopened_at, life.reason) == (AT, AT, WHY.reason)


def test_a_second_resolution_is_a_second_life() -> None:
    outage = resolved()
    services.reopen_outage(outage.reference, WHY, actor=world.actor(), at=AT)
    services.resolve_outage(outage.reference, Resolution(), actor=world.actor(), at=AT)
    assert list(OutageLife.objects.order_by("n").values_list("n", flat=True)) == [1, 2]


def test_an_open_outage_cannot_be_reopened() -> None:
    with pytest.raises(OutageNotResolved):
        services.reopen_outage(world.outage().reference, WHY, actor=world.actor(), at=AT)


def test_reopening_takes_an_engineer() -> None:
    outage = resolved()
    with pytest.raises(NotPermitted):
        services.reopen_outage(outage.reference, WHY, actor=world.actor("operator"), at=AT)


@pytest.mark.django_db(transaction=True)
def test_two_reopens_at_once_are_one() -> None:
    outage, actor = resolved(), world.actor()

    def reopen(_: int) -> str:
        try:
            services.reopen_outage(outage.reference, WHY, actor=actor, at=AT)
        except OutageNotResolved:
            return "too late"
        return "reopened"

    assert sorted(world.at_once(2, reopen)) == ["reopened", "too late"]


# --- delete --------------------------------------------------------------------------------------


def test_a_deleted_outage_is_found_no_more() -> None:
    outage = world.outage()
    services.delete_outage(outage.reference, None, actor=world.actor("manager"), at=AT)
    with pytest.raises(OutageNotFound):
        services.resolve_outage(outage.reference, Resolution(), actor=world.actor(), at=AT)


def test_the_row_of_a_deleted_outage_stays_with_its_reason() -> None:
    outage = world.outage()
    services.delete_outage(outage.reference, "typed twice", actor=world.actor("manager"), at=AT)
    assert Outage.objects.get().delete_reason == "typed twice"


def test_to_delete_a_resolved_one_takes_an_admin_and_a_reason() -> None:
    outage = resolved()
    with pytest.raises(NotPermitted):
        services.delete_outage(outage.reference, "a reason", actor=world.actor("manager"), at=AT)
    with pytest.raises(ReasonRequired):
        services.delete_outage(outage.reference, None, actor=world.actor("admin"), at=AT)
    assert announced("outage.deleted") == 0


@pytest.mark.django_db(transaction=True)
def test_resolve_and_delete_at_once_leave_one_truth() -> None:
    outage, admin = world.outage(), world.actor("admin")

    def act(number: int) -> None:
        try:
            if number % 2:
                services.resolve_outage(outage.reference, Resolution(), actor=admin, at=AT)
            else:
                services.delete_outage(outage.reference, "why not", actor=admin, at=AT)
        except OutageNotFound:
            pass

    world.at_once(2, act)
    outage.refresh_from_db()
    assert outage.deleted_at is not None
    assert (outage.status == "resolved") == (announced("outage.resolved") == 1)


# --- raise severity ------------------------------------------------------------------------------


def test_severity_is_raised() -> None:
    outage = world.outage(severity="low")
    outage = services.raise_severity(outage.reference, "high", actor=world.actor("operator"), at=AT)
    assert outage.severity == "high"


def test_severity_is_never_lowered_this_way() -> None:
    outage = world.outage(severity="high")
    operator = world.actor("operator")
    before = world.everything()
    services.raise_severity(outage.reference, "low", actor=operator, at=AT)
    assert world.everything() == before


# --- scope ---------------------------------------------------------------------------------------


def test_an_outage_of_another_region_is_not_found() -> None:
    ours, theirs = world.region("ours"), world.region("theirs")
    outage = world.outage(site_id=world.site("THEIRS-1", region=theirs).code)
    engineer = world.actor("engineer", region=ours)
    with pytest.raises(OutageNotFound):
        services.resolve_outage(outage.reference, Resolution(), actor=engineer, at=AT)


def test_who_holds_one_region_takes_no_outage_out_of_it() -> None:
    lagos = world.region("lagos")
    outage = world.outage(site_id=world.site(region=lagos).code)
    there = world.actor("operator", region=lagos)
    with pytest.raises(NotPermitted):
        services.edit_outage(
            outage.reference,
            OutageChanges.model_validate({"site_id": None}),
            actor=there,
            at=AT,
        )
    assert edit(outage, role="operator", site_id=None).site_id is None


def test_an_outage_of_ones_own_region_is_resolved() -> None:
    ours = world.region("ours")
    outage = world.outage(site_id=world.site("OURS-1", region=ours).code)
    engineer = world.actor("engineer", region=ours)
    outage = services.resolve_outage(outage.reference, Resolution(), actor=engineer, at=AT)
    assert outage.status == "resolved"
