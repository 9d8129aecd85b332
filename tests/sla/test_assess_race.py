"""Eight at once judge one outage: one figure, one event."""

import pytest

from core.models import EventRow
from sla.choices import Cause
from sla.models import Result
from sla.services import assessments
from tests import world
from tests.sla.builders import ENGINEER, after, edit, resolved_outage

pytestmark = pytest.mark.django_db(transaction=True)

THREADS = 8


def judge(outage, cause: Cause = Cause.REQUESTED):
    return assessments.assess_outage(outage.id, cause=cause, actor=ENGINEER, at=after(70))


def test_eight_judgements_of_the_same_facts_make_one_result():
    outage = resolved_outage(25)

    found = world.at_once(THREADS, lambda _: judge(outage))

    assert len({result.id for result in found}) == 1
    assert Result.objects.count() == 1
    assert EventRow.objects.filter(type__startswith="sla.").count() == 1


def test_eight_first_judgements_make_one_result(monkeypatch):
    monkeypatch.setattr(assessments, "follow_outage", lambda *_args, **_more: None)
    outage = resolved_outage(25)

    found = world.at_once(THREADS, lambda _: judge(outage))

    assert len({result.id for result in found}) == 1
    assert Result.objects.count() == 1
    assert EventRow.objects.filter(type="sla.violation").count() == 1


def test_a_judgement_and_an_edit_at_once_end_with_the_edited_facts():
    outage = resolved_outage(25)

    works = [lambda: judge(outage), lambda: edit(outage, minutes=66, severity="low")]
    world.at_once(2, lambda number: works[number]())

    current = Result.objects.current().get()
    assert (current.severity, current.amount) == ("low", 1200)
    assert list(Result.objects.order_by("version").values_list("version", flat=True)) == [1, 2]
