"""The routes of the SLA: terms, figures, and what a figure would be."""

from typing import Any

from rest_framework import serializers as drf
from rest_framework.request import Request

from core import ids, wire
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.views import Answer, ApiView
from outages import queries as outages
from outages.api.examples import OUTAGE
from outages.api.serializers import OutageResponse, outage_forms
from outages.queries import OutageNotFound
from outages.services.moves import OutageNotResolved
from payments import queries as payments
from payments.api.examples import PAYMENT
from payments.api.serializers import PaymentResponse, payment_form
from sla import queries
from sla.api import examples
from sla.api.filters import (
    CalculationQuery,
    ConfigQuery,
    Preview,
    Recomputation,
    ResultQuery,
    SeverityPath,
    ViolationQuery,
    narrowing,
    narrowing_of_results,
    scope_of,
)
from sla.api.serializers import (
    ConfigResponse,
    SLAResultResponse,
    TermsResponse,
    figure_form,
    result_form,
    terms_form,
)
from sla.choices import Cause, MttrSource
from sla.models import Policy, Result
from sla.policy import access
from sla.queries import NoTermsInForce, ResultNotFound
from sla.services import assessments
from sla.services.assessments import MttrNotDeclared


class ViolationResponse(drf.Serializer[Any]):
    """An outage that was restored too late, and what that costs."""

    outage = OutageResponse()
    sla = SLAResultResponse()


class RecomputedResponse(drf.Serializer[Any]):
    """The current figure, and the payment that it made."""

    sla = SLAResultResponse()
    payment = PaymentResponse(allow_null=True)


def _result_forms(results: list[Result]) -> list[dict[str, Any]]:
    return [result_form(result) for result in results]


def _violation_forms(results: list[Result]) -> list[dict[str, Any]]:
    told = outage_forms([result.outage for result in results])
    return [
        {"outage": outage, "sla": result_form(result)}
        for outage, result in zip(told, results, strict=True)
    ]


_SORTS = {
    "occurred_at": Sort("occurred_at", read_instant),
    "amount": Sort("amount", int),
    "mttr_minutes": Sort("mttr_minutes", int),
}
RESULTS: Listing[Result] = Listing(_SORTS, "occurred_at:desc", _result_forms)
VIOLATIONS: Listing[Result] = Listing(_SORTS, "occurred_at:desc", _violation_forms)


class ViolationsView(ApiView):
    """Stored current figures of outages that were restored too late."""

    @operation(
        "List violations",
        response=list_of(ViolationResponse),
        query=ViolationQuery,
        example={
            "items": [{"outage": OUTAGE, "sla": examples.SLA_RESULT}],
            "total": 1,
            "page": 1,
            "page_size": 20,
            "sort_by": "occurred_at",
            "sort_direction": "desc",
        },
    )
    def get(self, request: Request) -> Any:
        access.require_may_read(self.actor)
        query = wire.read_query(ViolationQuery, dict(request.query_params.lists()))
        return VIOLATIONS.answer(queries.violations(self.actor, narrowing(query)), query)


class RecomputeView(ApiView):
    """The figure of an outage, judged by its facts as they are now."""

    @operation(
        "Recompute the SLA of an outage",
        response=RecomputedResponse,
        role="engineer",
        body=Recomputation,
        path={"reference": "The outage's reference (any case) or UUID."},
        writes=True,
        refuses=(OutageNotFound, OutageNotResolved, MttrNotDeclared),
        body_example={},
        example={"sla": examples.SLA_RESULT, "payment": PAYMENT},
    )
    def post(self, request: Request, reference: str) -> Answer:
        body = wire.read(Recomputation, request.data)
        outage = outages.get_outage(reference, actor=self.actor)
        assessments.assess_outage(
            outage.id,
            cause=Cause.REQUESTED,
            actor=self.actor,
            at=self.at,
            basis=MttrSource(body.mttr_source) if body.mttr_source else None,
        )
        return Answer(subject=outage.reference)

    def represent(self, subject: str) -> Any:
        outage = outages.get_outage(subject, actor=self.actor)
        result = queries.current_results([outage.id]).get(outage.id)
        payment = payments.payment_of_result(result.id) if result else None
        return {
            "sla": result_form(result) if result else None,
            "payment": payment_form(payment) if payment else None,
        }


class ResultsView(ApiView):
    @operation(
        "List SLA results",
        response=list_of(SLAResultResponse),
        query=ResultQuery,
        example={
            "items": [examples.SLA_RESULT],
            "total": 1,
            "page": 1,
            "page_size": 20,
            "sort_by": "occurred_at",
            "sort_direction": "desc",
        },
    )
    def get(self, request: Request) -> Any:
        access.require_may_read(self.actor)
        query = wire.read_query(ResultQuery, dict(request.query_params.lists()))
        return RESULTS.answer(queries.results(self.actor, narrowing_of_results(query)), query)


class ResultView(ApiView):
    @operation(
        "Show an SLA result",
        response=SLAResultResponse,
        path={"result": "slr_ and 26 characters, or the UUID that stands on the chain."},
        refuses=(ids.MalformedId, ResultNotFound),
        example=examples.SLA_RESULT,
    )
    def get(self, request: Request, result: str) -> Any:
        access.require_may_read(self.actor)
        return result_form(queries.get_result(ids.decode("slr", result), self.actor))


class _TermsView(ApiView):
    def in_force(self, request: Request) -> tuple[dict[str, Any], int]:
        """The terms by severity, and a number that grows with every version."""
        access.require_may_read(self.actor)
        query = wire.read_query(ConfigQuery, dict(request.query_params.lists()))
        at = query.at or self.at
        site_id, operator_id = scope_of(query.scope, self.actor)
        chosen = queries.scope_policies(at, site_id=site_id, operator_id=operator_id)
        others = {severity: policy.terms for severity, policy in queries.scope_policies(at).items()}
        forms = {
            severity: terms_form(policy, others, hashes=query.include_hashes)
            for severity, policy in chosen.items()
        }
        return forms, sum(policy.version for policy in chosen.values())


class ConfigView(_TermsView):
    """The terms in force of all severities."""

    @operation(
        "Show the terms in force",
        response=ConfigResponse,
        query=ConfigQuery,
        refuses=(NoTermsInForce,),
        example=examples.CONFIG,
    )
    def get(self, request: Request) -> Answer:
        forms, version = self.in_force(request)
        return Answer(forms, version=version)


class SeverityConfigView(_TermsView):
    """The terms in force of one severity."""

    @operation(
        "Show the terms in force of a severity",
        response=TermsResponse,
        query=ConfigQuery,
        path={"severity": "critical, high, medium or low"},
        refuses=(NoTermsInForce,),
        example=examples.TERMS,
    )
    def get(self, request: Request, severity: str) -> Answer:
        word = wire.read(SeverityPath, {"severity": severity}, place="path").severity
        forms, version = self.in_force(request)
        return Answer(forms[word], version=version)


class _FigureView(ApiView):
    """What so many minutes would earn or cost. Nothing is stored."""

    def calculate(
        self, outage_id: str, severity: str, mttr_minutes: int, policy: Policy | None = None
    ) -> dict[str, Any]:
        defaults = queries.scope_policies(self.at)
        figure = queries.hypothetical_form(
            outage_id, mttr_minutes, policy or defaults[severity], defaults, self.at
        )
        return figure_form(figure)


class CalculationView(_FigureView):
    @operation(
        "Calculate a figure",
        response=SLAResultResponse,
        query=CalculationQuery,
        refuses=(NoTermsInForce,),
        example=examples.PREVIEW | {"outage_id": "OUT-000123"},
    )
    def get(self, request: Request) -> Any:
        access.require_may_read(self.actor)
        query = wire.read_query(CalculationQuery, dict(request.query_params.lists()))
        policy = None
        if query.policy_version is not None:
            policy = queries.policy_of_version(query.severity, query.policy_version)
        return self.calculate(query.outage_id, query.severity, query.mttr_minutes, policy)


class PreviewView(_FigureView):
    @operation(
        "Preview a figure",
        response=SLAResultResponse,
        body=Preview,
        writes=True,
        refuses=(NoTermsInForce,),
        body_example={"severity": "critical", "mttr_minutes": 25},
        example=examples.PREVIEW,
    )
    def post(self, request: Request) -> Answer:
        access.require_may_read(self.actor)
        body = wire.read(Preview, request.data)
        return Answer(subject=f"{body.severity} {body.mttr_minutes}")

    def represent(self, subject: str) -> Any:
        severity, _, minutes = subject.partition(" ")
        return self.calculate("PREVIEW", severity, int(minutes))
