"""Outages with an SLA, made by the verbs that people use."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core.actors import Actor
from network.models import Operator, Region
from network.queries import SiteFacts, site_facts
from outages import services
from outages.models import Outage
from outages.policy.intake import OutageChanges, OutageFacts, Reopening, Resolution
from outages.queries import get_outage
from sla.choices import PolicyState, ScopeKind
from sla.models import Policy
from sla.policy.terms import Terms, content_hash
from tests import world

TEN = datetime(2026, 1, 5, 10, tzinfo=UTC)
VIEWER = Actor(id="usr_01h455vb4pex5vsknk084sn0v1", kind="person", global_role="viewer")
ENGINEER = Actor(id="usr_01h455vb4pex5vsknk084sn0e1", kind="person", global_role="engineer")
MANAGER = Actor(id="usr_01h455vb4pex5vsknk084sn0m1", kind="person", global_role="manager")
ADMIN = Actor(id="usr_01h455vb4pex5vsknk084sn0a1", kind="person", global_role="admin")


def after(minutes: float) -> datetime:
    return TEN + timedelta(minutes=minutes)


def make_operator(code: str = "acme") -> Operator:
    return world.operator(code)


def make_site(
    code: str = "ACC-HUB-01", *, operator: Operator | None = None, region: Region | None = None
) -> SiteFacts:
    site = world.site(code, operator=operator, region=region)
    return site_facts([site.id])[site.id]


def open_outage(
    *,
    site: SiteFacts | None = None,
    severity: str = "critical",
    detected_at: datetime = TEN,
    settlement: str = "normal",
    name: str | None = None,
    **more: Any,
) -> Outage:
    facts = OutageFacts(
        id=name,
        site_id=site.code if site else None,
        site_name=site.name if site else "Somewhere",
        severity=severity,
        detected_at=detected_at,
        description=more.pop("description", name or "No light on the trunk."),
        **more,
    )
    outage, _created = services.open_outage(
        facts, actor=ENGINEER, at=max(detected_at, TEN), settlement=settlement
    )
    return outage


def resolve(outage: Outage, minutes: float = 25, *, declared: int | None = None) -> Outage:
    end = outage.detected_at + timedelta(minutes=minutes)
    return services.resolve_outage(
        outage.reference,
        Resolution(resolved_at=end, mttr_minutes=declared),
        actor=ENGINEER,
        at=max(end, TEN),
    )


def resolved_outage(minutes: float = 25, *, declared: int | None = None, **facts: Any) -> Outage:
    return resolve(open_outage(**facts), minutes, declared=declared)


def reopen(outage: Outage, minutes: float = 40) -> Outage:
    return services.reopen_outage(
        outage.reference, Reopening(reason="It failed again."), actor=ENGINEER, at=after(minutes)
    )


def delete(outage: Outage, minutes: float = 60) -> None:
    services.delete_outage(outage.reference, "It was a test.", actor=ADMIN, at=after(minutes))


def edit(outage: Outage, minutes: float = 65, **changes: Any) -> Outage:
    services.edit_outage(
        outage.reference, OutageChanges(**changes), actor=ENGINEER, at=after(minutes)
    )
    return get_outage(outage.reference)


def publish_terms(
    *numbers: int,
    severity: str = "critical",
    version: int = 2,
    effective_at: datetime = TEN,
    operator: Operator | None = None,
    site: SiteFacts | None = None,
) -> Policy:
    """A published version of the default terms, or of those of an operator or a site."""
    terms = None
    if numbers:
        threshold, penalty, reward = numbers
        terms = Terms(threshold_minutes=threshold, penalty_per_minute=penalty, reward_base=reward)
    kind, scope = ScopeKind.DEFAULT, "default"
    if operator is not None:
        kind, scope = ScopeKind.OPERATOR, f"operator:{operator.code}"
    if site is not None:
        kind, scope = ScopeKind.SITE, f"site:{site.code}"
    return Policy.objects.create(
        scope_kind=kind,
        operator=operator,
        site_id=site.id if site else None,
        severity=severity,
        version=version,
        state=PolicyState.PUBLISHED,
        inherit=terms is None,
        threshold_minutes=terms.threshold_minutes if terms else None,
        penalty_per_minute=terms.penalty_per_minute if terms else None,
        reward_base=terms.reward_base if terms else None,
        effective_at=effective_at,
        content_hash=content_hash(severity, version, terms, scope=scope) if terms else "0" * 64,
        proposed_by=ADMIN.id,
        proposed_at=TEN,
    )
