"""What the SLA does when it hears of an outage."""

import pytest

from core import events, outbox
from core.models import EventRow, ReactionRow
from sla import queries
from sla.models import Result
from sla.services import assessments
from tests.sla.builders import (
    after,
    delete,
    edit,
    make_site,
    open_outage,
    reopen,
    resolve,
    resolved_outage,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def hearing(django_capture_on_commit_callbacks):
    """Deliver what a verb announces, and what that announces, as a commit does."""

    def run(verb, *args, **more):
        with django_capture_on_commit_callbacks(execute=True):
            return verb(*args, **more)

    return run


def versions(outage) -> list[tuple[int | None, str, int]]:
    return [(each.version, each.state, each.amount) for each in queries.result_history(outage.id)]


def test_a_resolution_is_judged(hearing):
    outage = hearing(resolved_outage, 25)

    assert versions(outage) == [(1, "current", -1000)]
    assert Result.objects.get().cause == "resolved"


def test_the_judgement_bears_the_instant_of_the_resolution(hearing):
    outage = hearing(resolved_outage, 25)

    assert Result.objects.get().assessed_at == outage.resolved_at


def test_a_corrected_severity_is_judged_again(hearing):
    outage = hearing(resolved_outage, 25)

    hearing(edit, outage, severity="high")

    assert versions(outage) == [(1, "superseded", -1000), (2, "current", 750)]
    assert Result.objects.get(version=2).cause == "severity_changed"


def test_a_corrected_site_is_judged_again(hearing):
    outage = hearing(resolved_outage, 25)

    hearing(edit, outage, site_id=make_site().code)

    assert [version for version, _state, _amount in versions(outage)] == [1, 2]


def test_a_corrected_description_is_not(hearing):
    outage = hearing(resolved_outage, 25)

    hearing(edit, outage, description="Both fibres.")

    assert versions(outage) == [(1, "current", -1000)]


def test_an_edit_of_an_open_outage_makes_no_figure(hearing):
    outage = hearing(open_outage)

    hearing(edit, outage, severity="high")

    assert versions(outage) == []


def test_a_reopened_outage_has_no_figure(hearing):
    outage = hearing(resolved_outage, 10)

    hearing(reopen, outage)

    assert versions(outage) == [(1, "superseded", 1125)]


def test_the_gap_after_a_fix_that_did_not_hold_counts(hearing):
    outage = hearing(resolved_outage, 10)
    outage = hearing(reopen, outage, 20)

    hearing(resolve, outage, 40)

    assert versions(outage) == [(1, "superseded", 1125), (2, "current", -2500)]


def test_a_deleted_outage_has_no_figure(hearing):
    outage = hearing(resolved_outage, 25)

    hearing(delete, outage)

    assert versions(outage) == [(1, "superseded", -1000)]


def test_the_same_news_twice_is_judged_once(hearing):
    outage = hearing(resolved_outage, 25)
    ReactionRow.objects.filter(reaction="sla.assess_resolved_outage").update(
        status="due", done_at=None, next_attempt_at=after(0)
    )

    events.sweep()

    assert versions(outage) == [(1, "current", -1000)]
    assert EventRow.objects.filter(type__startswith="sla.").count() == 1


def test_a_judgement_that_fails_is_made_up_for_later(hearing, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(assessments, "follow_outage", _fail)
        outage = hearing(resolved_outage, 25)
    assert outage.status == "resolved"
    assert versions(outage) == []
    assert outbox.states_of(str(outage.id), "outage.resolved")["sla.assess_resolved_outage"] == (
        "pending"
    )
    ReactionRow.objects.filter(status="due").update(next_attempt_at=after(0))

    events.sweep()

    assert versions(outage) == [(1, "current", -1000)]


def _fail(*_args, **_more):
    raise RuntimeError("broken")
