"""What others may ask of payments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, CharField, Q, QuerySet, Value, When

from core import statements
from core.actors import Actor
from core.errors import NotFound
from core.wire import Bound
from payments.choices import STATUS_OF, TYPE_OF, Status
from payments.models import Payment

# The order of ``sort_by=status`` is that of the words on the wire.
WIRE_STATUS = Case(
    *(When(state=state, then=Value(status.value)) for state, status in STATUS_OF.items()),
    output_field=CharField(),
)


class PaymentNotFound(NotFound):
    code = "payment_not_found"
    title = "Payment not found"
    summary = "There is no such payment, or it lies outside of your sites."


@dataclass(frozen=True, kw_only=True)
class PaymentFilters:
    """What narrows a list of payments; None does not, an empty list matches nothing."""

    statuses: Sequence[str] | None = None
    types: Sequence[str] | None = None
    states: Sequence[str] | None = None
    reasons: Sequence[str] | None = None
    directions: Sequence[str] | None = None
    outage_ids: Sequence[UUID] | None = None
    operator_ids: Sequence[UUID] | None = None
    import_ids: Sequence[UUID] | None = None
    created_from: Bound | None = None
    created_to: Bound | None = None


def get_payment(payment_id: UUID, actor: Actor) -> Payment:
    """Answer one payment that the actor may see. Raises: PaymentNotFound."""
    payment = _visible(actor).filter(id=payment_id).first()
    if payment is None:
        raise PaymentNotFound
    return payment


def payment_of_result(result_id: UUID) -> Payment | None:
    """Answer the payment of an SLA result, if it made one."""
    return _rows().filter(sla_result=result_id).first()


def payments_of_outage(outage_id: UUID) -> list[Payment]:
    """Answer every payment of an outage, oldest first."""
    return list(_rows().filter(outage=outage_id).order_by("id"))


def newest_of_results(result_ids: Collection[UUID]) -> dict[UUID, Payment]:
    """Answer the payments of these SLA results, by result, without their outages. One query."""
    if not result_ids:
        return {}
    rows = statements.rows(
        Payment, "WHERE t.sla_result_id = ANY(%s) ORDER BY t.id", [statements.array(result_ids)]
    )
    return {payment.sla_result_id: payment for payment in rows}


def payments(actor: Actor, filters: PaymentFilters) -> QuerySet[Payment]:
    """Narrow the payments that the actor may see; unordered, for a listing."""
    narrowed = Q()
    for lookup, values in (
        ("state__in", _states(filters.statuses)),
        ("direction__in", _directions(filters.types)),
        ("state__in", filters.states),
        ("reason__in", filters.reasons),
        ("direction__in", filters.directions),
        ("outage__in", filters.outage_ids),
        ("operator__in", filters.operator_ids),
        ("outage__import_job__in", filters.import_ids),
    ):
        if values is not None:
            narrowed &= Q(**{lookup: list(values)})
    for bound in (filters.created_from, filters.created_to):
        if bound is not None:
            narrowed &= Q(**{f"created_at__{bound[0]}": bound[1]})
    return _visible(actor).filter(narrowed)


def _rows() -> QuerySet[Payment]:
    return Payment.objects.select_related("outage")


def _visible(actor: Actor) -> QuerySet[Payment]:
    return Payment.objects.visible_to(actor).select_related("outage")


def _states(statuses: Sequence[str] | None) -> list[str] | None:
    """The states behind words of the wire; a word that is none has none."""
    if statuses is None:
        return None
    words = {Status.CONFIRMED if word == "completed" else word for word in statuses}
    return [state for state, status in STATUS_OF.items() if status in words]


def _directions(types: Sequence[str] | None) -> list[str] | None:
    if types is None:
        return None
    return [direction for direction, word in TYPE_OF.items() if word in types]
