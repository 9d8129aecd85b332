"""How each verb of the matrix is tried: a fresh subject in a place, and the call as somebody."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.actors import Actor
from jobs import services as jobs
from jobs.choices import Consistency
from network import policy as network_forms
from network import services as network
from network.models import Region, Site
from outages import services as outages
from outages.choices import Settlement
from outages.models import Outage
from outages.policy.intake import OutageChanges, Reopening, Resolution
from payments import services as payments
from sla import services as sla
from sla.choices import Cause, MttrSource
from tests import world
from webhooks import services as webhooks
from webhooks.choices import DeliveryStatus
from webhooks.models import Delivery

AT = world.AT


@dataclass(frozen=True)
class Places:
    """Where the subjects are."""

    above: Region
    region: Region
    site: Site


Call = Callable[[Actor], Any]
Act = Callable[[Places], Call]
ACTS: dict[tuple[str, str], Act] = {}


def tries(verb: str, when: str = "") -> Callable[[Act], Act]:
    """Say how this row of the matrix is tried."""

    def register(act: Act) -> Act:
        ACTS[verb, when] = act
        return act

    return register


def _reported(places: Places, **more: Any) -> dict[str, Any]:
    return {"site_id": places.site.code, "site_name": places.site.name, **more}


def _open(places: Places) -> Outage:
    return world.outage(**_reported(places))


def _resolved(places: Places, minutes: int | None = 30) -> Outage:
    opened = _open(places)
    return outages.resolve_outage(
        opened.reference,
        Resolution(mttr_minutes=minutes),
        actor=world.actor("engineer"),
        at=AT + timedelta(hours=1),
    )


def _upload() -> jobs.Upload:
    text = "site_name,severity,detected_at,description\nHub,low,2026-01-05T10:00:00Z,cut\n"
    return jobs.receive(io.BytesIO(text.encode()), "outages.csv")


# --- network ------------------------------------------------------------------------------------
@tries("network.create_operator")
def _(_places: Places) -> Call:
    new = network_forms.NewOperator(code="newco", name="Newco")
    return lambda actor: network.create_operator(new, actor=actor, at=AT)


@tries("network.create_region")
def _(_places: Places) -> Call:
    new = network_forms.NewRegion(code="new", name="New")
    return lambda actor: network.create_region(new, actor=actor, at=AT)


@tries("network.create_site")
def _(places: Places) -> Call:
    new = network_forms.NewSite(code="NEW-1", name="New", region=places.region.code)
    return lambda actor: network.create_site(new, actor=actor, at=AT)


# --- outages ------------------------------------------------------------------------------------
@tries("outages.open_outage")
def _(places: Places) -> Call:
    facts = world.facts(**_reported(places))
    return lambda actor: outages.open_outage(facts, actor=actor, at=AT)


@tries("outages.open_outage", "declared minutes")
def _(places: Places) -> Call:
    ended = {"status": "resolved", "mttr_minutes": 20, "resolved_at": "2026-01-05T12:00:00Z"}
    facts = world.facts(**_reported(places, **ended))
    return lambda actor: outages.open_outage(facts, actor=actor, at=AT)


@tries("outages.open_outage", "its end backdated")
def _(places: Places) -> Call:
    ended = {"status": "resolved", "resolved_at": "2026-01-05T10:30:00Z"}
    facts = world.facts(**_reported(places, **ended))
    return lambda actor: outages.open_outage(facts, actor=actor, at=AT)


@tries("outages.open_listed_outages")
def _(places: Places) -> Call:
    facts = world.facts(**_reported(places))
    return lambda actor: outages.open_listed_outages(
        [facts], settlement=Settlement.NORMAL, actor=actor, at=AT
    )


@tries("outages.edit_outage")
def _(places: Places) -> Call:
    reference, changes = _open(places).reference, OutageChanges(description="Cut by a digger")
    return lambda actor: outages.edit_outage(reference, changes, actor=actor, at=AT)


@tries("outages.edit_outage", "measured time")
def _(places: Places) -> Call:
    changes = OutageChanges.model_validate({"detected_at": "2026-01-05T09:00:00Z"})
    reference = _open(places).reference
    return lambda actor: outages.edit_outage(reference, changes, actor=actor, at=AT)


@tries("outages.raise_severity")
def _(places: Places) -> Call:
    reference = world.outage(**_reported(places, severity="low")).reference
    return lambda actor: outages.raise_severity(reference, "high", actor=actor, at=AT)


def _resolve(resolution: dict[str, Any]) -> Act:
    def act(places: Places) -> Call:
        reference, end = _open(places).reference, Resolution.model_validate(resolution)
        return lambda actor: outages.resolve_outage(reference, end, actor=actor, at=AT)

    return act


tries("outages.resolve_outage")(_resolve({}))
tries("outages.resolve_outage", "declared minutes")(_resolve({"mttr_minutes": 20}))
tries("outages.resolve_outage", "backdated")(_resolve({"resolved_at": "2026-01-05T10:30:00Z"}))


@tries("outages.reopen_outage")
def _(places: Places) -> Call:
    reference, why = _resolved(places).reference, Reopening(reason="It is dark again")
    later = AT + timedelta(hours=2)
    return lambda actor: outages.reopen_outage(reference, why, actor=actor, at=later)


@tries("outages.delete_outage", "an open one")
def _(places: Places) -> Call:
    reference = _open(places).reference
    return lambda actor: outages.delete_outage(reference, "a test", actor=actor, at=AT)


@tries("outages.delete_outage", "a resolved one")
def _(places: Places) -> Call:
    reference = _resolved(places).reference
    later = AT + timedelta(hours=2)
    return lambda actor: outages.delete_outage(reference, "a test", actor=actor, at=later)


@tries("outages.import_outages")
def _(_places: Places) -> Call:
    return lambda actor: outages.import_outages(
        _upload(),
        consistency=Consistency.ATOMIC,
        dry_run=True,
        again=False,
        settlement=Settlement.NORMAL,
        later=False,
        actor=actor,
        at=AT,
    )


@tries("outages.export_outages")
def _(_places: Places) -> Call:
    return lambda actor: outages.export_outages({}, 0, actor=actor, at=AT)


# --- sla and payments ---------------------------------------------------------------------------
def _assess(basis: MttrSource | None) -> Act:
    def act(places: Places) -> Call:
        outage_id = _resolved(places).id
        return lambda actor: sla.assess_outage(
            outage_id, cause=Cause.REQUESTED, basis=basis, actor=actor, at=AT + timedelta(hours=2)
        )

    return act


tries("sla.assess_outage")(_assess(None))
tries("sla.assess_outage", "switching which minutes count")(_assess(MttrSource.DERIVED))


@tries("payments.request_payment")
def _(places: Places) -> Call:
    outage_id = _resolved(places).id
    return lambda actor: payments.request_payment(
        outage_id, actor=actor, at=AT + timedelta(hours=2)
    )


# --- webhooks -----------------------------------------------------------------------------------
def _subscribed(status: str = "active") -> UUID:
    terms = webhooks.Terms(url="https://receiver.example/in", patterns=["outage.*"])
    made = webhooks.create_subscription(terms, actor=world.nobody(), at=AT).subscription
    if status == "paused":
        webhooks.pause_subscription(made.id, actor=world.nobody(), at=AT)
    return made.id


@tries("webhooks.create_subscription")
def _(_places: Places) -> Call:
    terms = webhooks.Terms(url="https://receiver.example/in", patterns=["outage.*"])
    return lambda actor: webhooks.create_subscription(terms, actor=actor, at=AT)


@tries("webhooks.update_subscription")
def _(_places: Places) -> Call:
    made, terms = _subscribed(), webhooks.Terms(name="Another name")
    return lambda actor: webhooks.update_subscription(made, terms, actor=actor, at=AT)


@tries("webhooks.delete_subscription")
def _(_places: Places) -> Call:
    made = _subscribed()
    return lambda actor: webhooks.delete_subscription(made, actor=actor, at=AT)


@tries("webhooks.pause_subscription")
def _(_places: Places) -> Call:
    made = _subscribed()
    return lambda actor: webhooks.pause_subscription(made, actor=actor, at=AT)


@tries("webhooks.enable_subscription")
def _(_places: Places) -> Call:
    made = _subscribed("paused")
    return lambda actor: webhooks.enable_subscription(made, actor=actor, at=AT)


@tries("webhooks.rotate_secret")
def _(_places: Places) -> Call:
    made = _subscribed()
    return lambda actor: webhooks.rotate_secret(made, actor=actor, at=AT)


@tries("webhooks.send_test_event")
def _(_places: Places) -> Call:
    made = _subscribed()
    return lambda actor: webhooks.send_test_event(made, actor=actor, at=AT)


@tries("webhooks.retry_delivery")
def _(_places: Places) -> Call:
    sent = webhooks.send_test_event(_subscribed(), actor=world.nobody(), at=AT)
    Delivery.objects.filter(id=sent.id).update(
        status=DeliveryStatus.DEAD_LETTER, next_attempt_at=None, dead_lettered_at=AT
    )
    return lambda actor: webhooks.retry_delivery(sent.id, actor=actor, at=AT)
