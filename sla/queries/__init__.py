"""What others may ask the SLA: results, terms and the clocks of open outages."""

from sla.queries.results import (
    LatestResult,
    ResultFilters,
    ResultNotFound,
    current_results,
    get_latest_result,
    get_result,
    hypothetical_form,
    result_history,
    results,
    stored_form,
    violations,
)
from sla.queries.status import SlaState, state_of, status_for
from sla.queries.terms import (
    Binding,
    NoTermsInForce,
    applied,
    binding,
    config_version_hash,
    policy_of_version,
    scope_policies,
    terms_in_force,
)

__all__ = [
    "Binding",
    "LatestResult",
    "NoTermsInForce",
    "ResultFilters",
    "ResultNotFound",
    "SlaState",
    "applied",
    "binding",
    "config_version_hash",
    "current_results",
    "get_latest_result",
    "get_result",
    "hypothetical_form",
    "policy_of_version",
    "result_history",
    "results",
    "scope_policies",
    "state_of",
    "status_for",
    "stored_form",
    "terms_in_force",
    "violations",
]
