"""What an outage leaves to pay or to claim, kept in line with its latest SLA result."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import prefetch_related_objects

from audit import queries as audit_trail
from audit import services as audit
from core import events, ids, inserting, money, statements
from core.actors import Actor
from network.queries import SiteFacts
from outages import queries as outages
from outages.choices import Settlement
from outages.queries import OutageFacts
from payments.choices import Attestation, Direction, Reason, State
from payments.events import PaymentBlocked, PaymentCancelled, PaymentEvent, PaymentRequested
from payments.models import Payment
from payments.policy import CANCELLABLE, access, contract
from payments.policy.owed import Movement, Obligation, OutOfRange, owed
from payments.policy.placement import place
from sla import queries as sla
from sla.queries import LatestResult


def request_payment(outage_id: UUID, *, actor: Actor, at: datetime) -> Payment | None:
    """Bring the payments of an outage in line with its latest SLA result, whatever came before.

    Returns the payment of that result; None where nothing is owed, nothing may be requested
    (settlement ``none``) or the outage has no result now. Late and doubled news are harmless.
    Emits payment.cancelled for each payment that the result supersedes, payment.requested and,
    where the new one waits for a fact or a person, payment.blocked. Audits payments.request.
    Raises: NotPermitted, OutageNotFound.
    """
    with events.unit():
        _lock(outage_id)
        facts, site = outages.facts(outage_id)
        access.require_may_request(actor, site.place if site else None)
        result = sla.get_latest_result(outage_id) if _is_resolved(facts) else None
        if result is None:
            return None
        if facts.settlement == Settlement.NONE:
            _record_nothing(facts, result, {"settlement": facts.settlement}, actor, at)
            return None
        payments = _payments(outage_id)
        for payment in payments:
            if payment.sla_result_id == result.id:
                return payment
        _cancel(payments, Reason.SUPERSEDED, facts.reference, actor=actor, at=at)
        try:
            obligation = owed(result.amount, _movements(payments))
        except OutOfRange as error:
            told = {"amount_out_of_range": str(error.args[0])}
            _record_nothing(facts, result, told, actor, at)
            return None
        if obligation is None:
            _record_nothing(facts, result, {"owed": 0}, actor, at)
            return None
        payment = _owed(obligation, facts, site, result, actor=actor, at=at)
        _keep(payment, facts, result, actor=actor, at=at)
        return payment


def withdraw_payments(
    outage_id: UUID, reason: Reason, *, actor: Actor, at: datetime
) -> list[Payment]:
    """Cancel what can still be cancelled of an outage that was reopened or deleted.

    What moved already stays, and the next result nets it. Nothing is done where the outage has
    been resolved again meanwhile: its new result decides then.
    Emits payment.cancelled. Audits payments.withdraw. Raises: NotPermitted, OutageNotFound.
    """
    with events.unit():
        _lock(outage_id)
        facts, site = outages.facts(outage_id)
        access.require_may_request(actor, site.place if site else None)
        if _is_resolved(facts):
            return []
        return _cancel(_payments(outage_id), reason, facts.reference, actor=actor, at=at)


def _lock(outage_id: UUID) -> None:
    # Protects "all payments of this outage, even none", so there may be no row to lock.
    statements.fetch(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"payments.outage:{outage_id}"]
    )


def _is_resolved(facts: OutageFacts) -> bool:
    return facts.resolved_at is not None and not facts.deleted


def _payments(outage_id: UUID) -> list[Payment]:
    return statements.rows(Payment, "WHERE t.outage_id = %s ORDER BY t.id FOR UPDATE", [outage_id])


def _movements(payments: Sequence[Payment]) -> list[Movement]:
    return [
        Movement(direction=payment.direction, state=payment.state, amount=payment.amount)
        for payment in payments
    ]


def _owed(
    obligation: Obligation,
    facts: OutageFacts,
    site: SiteFacts | None,
    result: LatestResult,
    *,
    actor: Actor,
    at: datetime,
) -> Payment:
    operator_id = result.operator_id or (site.operator_id if site else None)
    attestation = _attest(result)
    placement = place(
        direction=obligation.direction,
        settlement=facts.settlement,
        attestation=attestation,
        operator_known=operator_id is not None,
    )
    payment = Payment(
        outage_id=facts.id,
        sla_result_id=result.id,
        operator_id=operator_id,
        direction=obligation.direction,
        kind=obligation.kind,
        amount=obligation.amount,
        asset_code=settings.PAYMENT_ASSET_CODE,
        asset_issuer=settings.PAYMENT_ASSET_ISSUER or "",
        network=settings.STELLAR_NETWORK,
        state=placement.state,
        reason=placement.reason,
        attestation=attestation,
        requested_by=actor.id,
        causers=sorted(audit_trail.who_touched(facts.reference)),
        created_at=at,
    )
    if obligation.direction == Direction.COLLECTION:
        payment.memo = ids.suffix(payment.id)
        payment.due_on = (at + timedelta(days=settings.PAYMENT_COLLECTION_DUE_DAYS)).date()
    return payment


def _attest(result: LatestResult) -> Attestation:
    terms = result.terms[result.severity]
    return contract.attest(
        plain=result.plain,
        threshold=terms.threshold_minutes,
        penalty=terms.penalty_per_minute,
        reward=terms.reward_base,
        mttr=result.mttr_minutes,
        amount=result.amount,
    )


def _cancel(
    payments: Sequence[Payment], reason: Reason, reference: str, *, actor: Actor, at: datetime
) -> list[Payment]:
    """Cancel those of an outage's locked payments that can be; the others stay as they are."""
    cancelled = [payment for payment in payments if payment.state in CANCELLABLE]
    if not cancelled:
        return []
    verb = "supersede" if reason == Reason.SUPERSEDED else "withdraw"
    prefetch_related_objects(cancelled, "sla_result")
    records, news = [], []
    for payment in cancelled:
        before = _position(payment)
        payment.state, payment.reason, payment.next_attempt_at = State.CANCELLED, reason, None
        records.append(
            audit.Record(
                action=f"payments.{verb}",
                subject=("payment", payment.wire_id),
                actor=actor,
                at=at,
                before=before,
                after=_position(payment),
                links=[reference, payment.sla_result.wire_id],
            )
        )
        scope = (payment.sla_result.site_id, payment.sla_result.region_id)
        news.append(_event(PaymentCancelled, payment, reference, scope, at))
    Payment.objects.filter(id__in=[payment.id for payment in cancelled]).update(
        state=State.CANCELLED, reason=reason, next_attempt_at=None
    )
    audit.record_many(records)
    events.publish_many(news)
    return cancelled


def _keep(
    payment: Payment, facts: OutageFacts, result: LatestResult, *, actor: Actor, at: datetime
) -> None:
    """Store the payment, and say so."""
    scope = (result.site_id, result.region_id)
    news = [_event(PaymentRequested, payment, facts.reference, scope, at)]
    if payment.state in (State.BLOCKED, State.HELD):
        news.append(_event(PaymentBlocked, payment, facts.reference, scope, at))
    with inserting.together():
        inserting.insert_whole(payment)
        _record_request(payment, facts, result, actor=actor, at=at)
        events.publish_many(news)


def _record_request(
    payment: Payment, facts: OutageFacts, result: LatestResult, *, actor: Actor, at: datetime
) -> None:
    audit.record(
        action="payments.request",
        subject=("payment", payment.wire_id),
        actor=actor,
        at=at,
        after=_position(payment)
        | {
            "direction": payment.direction,
            "kind": payment.kind,
            "amount_exact": money.spell(payment.amount),
            "asset_code": payment.asset_code,
        },
        links=[facts.reference, ids.encode("slr", result.id)],
    )


def _record_nothing(
    facts: OutageFacts,
    result: LatestResult,
    why: Mapping[str, object],
    actor: Actor,
    at: datetime,
) -> None:
    """Leave the trace of a result that makes no payment."""
    audit.record(
        action="payments.request",
        subject=("sla_result", ids.encode("slr", result.id)),
        actor=actor,
        at=at,
        after={"requested": False, "amount": result.amount, **why},
        links=[facts.reference],
    )


def _position(payment: Payment) -> dict[str, object]:
    return {"state": payment.state, "reason": payment.reason}


def _event(
    cls: type[PaymentEvent],
    payment: Payment,
    reference: str,
    scope: tuple[UUID | None, UUID | None],
    at: datetime,
) -> PaymentEvent:
    site_id, region_id = scope
    return cls(
        occurred_at=at,
        payment_id=payment.wire_id,
        outage_id=reference,
        sla_result_id=ids.encode("slr", payment.sla_result_id),
        site_id=ids.encode("site", site_id) if site_id else None,
        region_id=ids.encode("reg", region_id) if region_id else None,
        operator_id=ids.encode("opr", payment.operator_id) if payment.operator_id else None,
        direction=payment.direction,
        wire_type=payment.wire_type,
        status=payment.wire_status,
        state=payment.state,
        reason=payment.reason or None,
        amount_exact=money.spell(payment.amount),
        asset_code=payment.asset_code,
        transaction_hash=None,
        ledger=None,
        at=at,
    )
