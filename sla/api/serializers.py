"""How the SLA is written on the wire, and how OpenAPI describes it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from core.wire import instant
from outages.choices import Severity
from sla import queries
from sla.choices import (
    Cause,
    ClockState,
    MttrSource,
    Outcome,
    PaymentType,
    Rating,
    ReasonCode,
    ResultState,
    ThresholdSource,
)
from sla.events import SLAResult
from sla.models import Policy, Result
from sla.policy.terms import Terms, contract_refusal


class SlaStatusResponse(serializers.Serializer[Any]):
    """The current figure of an outage, in short."""

    result_id = serializers.CharField()
    status = serializers.ChoiceField(Outcome.choices)
    rating = serializers.ChoiceField(Rating.choices)
    amount = serializers.IntegerField(help_text="Whole USDC: reward above 0, penalty below")
    payment_type = serializers.ChoiceField(PaymentType.choices)
    mttr_minutes = serializers.IntegerField()
    threshold_minutes = serializers.IntegerField()
    policy_version = serializers.CharField()
    time_remaining_minutes = serializers.IntegerField(help_text="Always 0")
    assessed_at = serializers.DateTimeField()


class SlaClockResponse(serializers.Serializer[Any]):
    """The clock of an open outage."""

    state = serializers.ChoiceField(ClockState.choices)
    threshold_minutes = serializers.IntegerField()
    counted_seconds = serializers.IntegerField()
    time_remaining_minutes = serializers.IntegerField()
    breaches_at = serializers.DateTimeField()


class SLAResultResponse(serializers.Serializer[Any]):
    """What one assessment found."""

    id = serializers.CharField(allow_null=True, help_text="null: computed, not stored")
    outage_id = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    state = serializers.ChoiceField(ResultState.choices, allow_null=True)
    severity = serializers.ChoiceField(Severity.choices)
    status = serializers.ChoiceField(Outcome.choices)
    mttr_minutes = serializers.IntegerField()
    mttr_source = serializers.ChoiceField(MttrSource.choices)
    derived_mttr_minutes = serializers.IntegerField(
        allow_null=True, help_text="Beside a declared figure: what the outage's times give"
    )
    mttr_conflict_minutes = serializers.IntegerField(
        help_text="Declared less derived minutes, where they differ by more than 5 % and a minute"
    )
    counted_seconds = serializers.IntegerField()
    excluded_seconds = serializers.IntegerField()
    threshold_minutes = serializers.IntegerField()
    amount = serializers.IntegerField(help_text="Whole USDC: reward above 0, penalty below")
    payment_type = serializers.ChoiceField(PaymentType.choices)
    rating = serializers.ChoiceField(Rating.choices)
    policy_version = serializers.CharField()
    policy_id = serializers.CharField()
    threshold_source = serializers.ChoiceField(ThresholdSource.choices)
    config_version_hash = serializers.CharField(help_text="A whole number of 64 bits, as digits")
    reason_code = serializers.ChoiceField(ReasonCode.choices)
    decision_trace = serializers.CharField()
    compute_hash = serializers.CharField(allow_null=True)
    cause = serializers.ChoiceField(Cause.choices, allow_null=True)
    assessed_at = serializers.DateTimeField()
    superseded_at = serializers.DateTimeField(allow_null=True)


class TermsResponse(serializers.Serializer[Any]):
    """The terms of one severity; the members after the three numbers come with include_hashes."""

    threshold_minutes = serializers.IntegerField()
    penalty_per_minute = serializers.IntegerField()
    reward_base = serializers.IntegerField()
    severity = serializers.ChoiceField(Severity.choices, required=False)
    policy_version = serializers.IntegerField(required=False)
    content_hash = serializers.CharField(required=False)
    scope = serializers.CharField(required=False)
    effective_at = serializers.DateTimeField(required=False)
    calendar = serializers.CharField(required=False, allow_null=True, help_text="null: 24x7")
    contract_refusal = serializers.IntegerField(
        required=False, allow_null=True, help_text="The contract's error number for these terms"
    )


class ConfigResponse(serializers.Serializer[Any]):
    """The terms in force, by severity."""

    critical = TermsResponse()
    high = TermsResponse()
    medium = TermsResponse()
    low = TermsResponse()


def figure_form(figure: SLAResult) -> dict[str, Any]:
    """A figure, stored or not."""
    return asdict(figure)


def result_form(result: Result) -> dict[str, Any]:
    """A stored result, read with its outage and policy."""
    return figure_form(queries.stored_form(result))


def terms_form(policy: Policy, others: Mapping[str, Terms], *, hashes: bool) -> dict[str, Any]:
    """The terms of one policy. ``others`` are the default terms that the contract holds."""
    terms = policy.terms
    form: dict[str, Any] = asdict(terms)
    if hashes:
        form |= {
            "severity": policy.severity,
            "policy_version": policy.version,
            "content_hash": policy.content_hash,
            "scope": policy.scope,
            "effective_at": instant(policy.effective_at),
            "calendar": None,
            "contract_refusal": contract_refusal(policy.severity, terms, others),
        }
    return form
