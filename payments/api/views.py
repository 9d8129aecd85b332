"""The routes of payments."""

from typing import Any
from uuid import UUID

from rest_framework.request import Request

from core import ids, wire
from core.errors import RouteNotFound
from core.money import money
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import ApiView
from payments import queries
from payments.api.examples import PAYMENT
from payments.api.filters import PaymentQuery, narrowing
from payments.api.serializers import PaymentResponse, payment_form, payment_forms
from payments.models import Payment
from payments.policy import access
from payments.queries import WIRE_STATUS, PaymentNotFound

LISTING: Listing[Payment] = Listing(
    sorts={
        "id": Sort("id", UUID),
        "created_at": Sort("created_at", read_instant),
        "amount": Sort("amount", money),
        "status": Sort(WIRE_STATUS),
    },
    default="id:desc",
    form=payment_forms,
)


class PaymentListView(ApiView):
    """All payments."""

    @operation(
        "List payments",
        response=list_of(PaymentResponse),
        query=PaymentQuery,
        refuses=(ids.MalformedId,),
        example={
            "items": [PAYMENT],
            "total": 1,
            "page": 1,
            "page_size": 20,
            "sort_by": "id",
            "sort_direction": "desc",
        },
    )
    def get(self, request: Request) -> Any:
        access.require_may_read(self.actor)
        query = wire.read_query(PaymentQuery, dict(request.query_params.lists()))
        return LISTING.answer(queries.payments(self.actor, narrowing(query)), query)


class PaymentView(ApiView):
    @operation(
        "Show a payment",
        response=PaymentResponse,
        path={"payment": "pay_ and 26 characters, or a UUID."},
        refuses=(ids.MalformedId, RouteNotFound, PaymentNotFound),
        example=PAYMENT,
    )
    def get(self, request: Request, payment: str) -> Any:
        access.require_may_read(self.actor)
        return payment_form(queries.get_payment(ids.decode("pay", payment), self.actor))
