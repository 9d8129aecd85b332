"""What can be done to a judgement: make it, follow its outage, withdraw it."""

from sla.services.assessments import (
    assess_outage,
    follow_edit,
    follow_outage,
    withdraw_result,
)

__all__ = ["assess_outage", "follow_edit", "follow_outage", "withdraw_result"]
