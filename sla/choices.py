"""The words of the SLA domain, each with its meaning."""

from django.db.models import TextChoices


class ScopeKind(TextChoices):
    """For whom terms are: the narrowest scope that has any wins."""

    DEFAULT = "default", "Everybody without terms of their own"
    OPERATOR = "operator", "One counterparty"
    SITE = "site", "One site"


class PolicyState(TextChoices):
    PROPOSED = "proposed", "Proposed"  # proposed: waits for a second person
    PUBLISHED = "published", "Published"  # published: in force from its effective instant
    REJECTED = "rejected", "Rejected"  # rejected by the second person
    WITHDRAWN = "withdrawn", "Withdrawn"  # withdrawn before it took effect


class ResultState(TextChoices):
    PROPOSED = "proposed", "Proposed"  # proposed in a dispute
    CURRENT = "current", "Current"  # current: the figure that counts
    SUPERSEDED = (
        "superseded",
        "Superseded",
    )  # superseded by a later version, or its outage is open or gone
    DISCARDED = "discarded", "Discarded"  # a proposal that was not taken


class Outcome(TextChoices):
    MET = "met", "Met"  # restored within the threshold
    VIOLATED = "violated", "Violated"  # restored after the threshold


class PaymentType(TextChoices):
    REWARD = "reward", "Reward"  # we owe the operator
    PENALTY = "penalty", "Penalty"  # the operator owes us


class Rating(TextChoices):
    EXCEPTIONAL = "exceptional", "Exceptional"  # below half of the threshold
    EXCELLENT = "excellent", "Excellent"  # below three quarters of the threshold
    GOOD = "good", "Good"  # within the threshold
    POOR = "poor", "Poor"  # past the threshold


class ReasonCode(TextChoices):
    MTTR_EXCEEDED = "mttr_exceeded", "More minutes than the threshold allows"
    MET_EXCEPTIONAL = "met_exceptional", "Below half of the threshold"
    MET_EXCELLENT = "met_excellent", "Below three quarters of the threshold"
    MET_GOOD = "met_good", "Within the threshold"
    FULLY_EXCLUDED = "fully_excluded", "The clock never ran: all of it was excluded or closed"


class MttrSource(TextChoices):
    """Where the minutes of a result come from."""

    DERIVED = "derived", "Counted from the outage's own times"
    DECLARED = "declared", "Given by the person who resolved it"
    RULED = "ruled", "Set by an upheld dispute"


class ThresholdSource(TextChoices):
    """The scope whose terms a result was made under, in the word of the wire."""

    CONFIG = "config", "Default terms"
    OPERATOR = "operator", "Terms of the operator"
    SITE = "site", "Terms of the site"


class Cause(TextChoices):
    """Why an assessment was made."""

    RESOLVED = "resolved", "The outage was resolved"
    FACTS_CHANGED = "facts_changed", "A fact of the outage was corrected"
    SEVERITY_CHANGED = "severity_changed", "The severity was corrected"
    MAINTENANCE_CHANGED = "maintenance_changed", "Planned work was changed"
    EXCLUSION_CHANGED = "exclusion_changed", "An exclusion was added, decided or voided"
    DISPUTE_UPHELD = "dispute_upheld", "A dispute was upheld"
    REQUESTED = "requested", "Somebody asked for it"


class ClockState(TextChoices):
    """What the clock of an open outage says."""

    IN_PROGRESS = "in_progress", "Within the threshold"
    VIOLATED = "violated", "Past the threshold"
