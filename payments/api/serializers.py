"""How a payment is written on the wire, and how OpenAPI describes it."""

from typing import Any

from rest_framework import serializers

from core import ids, money
from payments.choices import Attestation, Direction, Kind, State, Status, Type
from payments.models import Payment


class PaymentResponse(serializers.Serializer[Any]):
    """Money owed between us and the operator of a site."""

    id = serializers.CharField()
    transaction_hash = serializers.CharField(allow_null=True, help_text="null until signed")
    type = serializers.ChoiceField(Type.choices)
    direction = serializers.ChoiceField(Direction.choices)
    kind = serializers.ChoiceField(Kind.choices)
    amount = serializers.DecimalField(
        19, 7, coerce_to_string=False, help_text="The direction says who owes it"
    )
    amount_exact = serializers.CharField(help_text="The amount with all its seven places")
    asset_code = serializers.CharField()
    asset_issuer = serializers.CharField(allow_null=True)
    network = serializers.CharField()
    from_address = serializers.CharField(allow_null=True)
    to_address = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(Status.choices)
    state = serializers.ChoiceField(State.choices)
    reason = serializers.CharField(
        allow_null=True, help_text="Why it is blocked, held, failed or cancelled"
    )
    memo = serializers.CharField(
        allow_null=True, help_text="Of a collection: by it, incoming money finds its claim"
    )
    outage_id = serializers.CharField()
    sla_result_id = serializers.CharField()
    operator_id = serializers.CharField(allow_null=True)
    attestation = serializers.ChoiceField(Attestation.choices)
    created_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    retry_count = serializers.IntegerField()
    last_retried_at = serializers.DateTimeField(allow_null=True)
    ledger = serializers.IntegerField(allow_null=True)
    explorer_url = serializers.CharField(allow_null=True)


def payment_form(payment: Payment, reference: str | None = None) -> dict[str, Any]:
    """A payment, read with its outage unless that one's reference is given."""
    return {
        "id": payment.wire_id,
        "transaction_hash": None,
        "type": payment.wire_type,
        "direction": payment.direction,
        "kind": payment.kind,
        "amount": payment.amount,
        "amount_exact": money.spell(payment.amount),
        "asset_code": payment.asset_code,
        "asset_issuer": payment.asset_issuer or None,
        "network": payment.network,
        "from_address": None,
        "to_address": payment.destination or None,
        "status": payment.wire_status,
        "state": payment.state,
        "reason": payment.reason or None,
        "memo": payment.memo or None,
        "outage_id": reference or payment.outage.reference,
        "sla_result_id": ids.encode("slr", payment.sla_result_id),
        "operator_id": ids.encode("opr", payment.operator_id) if payment.operator_id else None,
        "attestation": payment.attestation,
        "created_at": payment.created_at,
        "confirmed_at": payment.settled_at,
        "retry_count": payment.retry_count,
        "last_retried_at": payment.last_retried_at,
        "ledger": None,
        "explorer_url": None,
    }


def payment_forms(payments: list[Payment]) -> list[dict[str, Any]]:
    return [payment_form(payment) for payment in payments]
