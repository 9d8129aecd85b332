"""Regions and counterparties: the frame that sites stand in."""

from datetime import datetime

from django.db import IntegrityError, transaction
from psycopg import errors as pg

from audit import services as audit
from core.actors import Actor
from core.errors import Conflict, Fault, Invalid, ValidationFailed
from core.ids import uuid7
from network import policy, queries
from network.models import Operator, Region, Site


class RegionCodeExists(Conflict):
    code = "region_code_exists"
    title = "Region code exists"
    summary = "Another region has this code."


class OperatorCodeExists(Conflict):
    code = "operator_code_exists"
    title = "Operator code exists"
    summary = "Another operator has this code."


class RegionTooDeep(Invalid):
    code = "region_too_deep"
    title = "Region too deep"
    summary = f"Regions lie at most {policy.DEEPEST} deep."


def create_region(new: policy.NewRegion, *, actor: Actor, at: datetime) -> Region:
    """Make a region, at the top or in another one.

    Audits. Raises: NotPermitted, ValidationFailed, RegionTooDeep, RegionCodeExists.
    """
    policy.require_may_shape(actor)
    with transaction.atomic():
        parent = None
        if new.parent is not None:
            named = queries.region(new.parent)
            if named is None:
                raise unknown("parent", "region", new.parent)
            # The lock keeps the parent where it is until we are below it.
            parent = Region.objects.select_for_update().get(id=named.id)
        path = policy.path_under(parent.path if parent else "", new.code)
        if policy.depth(path) > policy.DEEPEST:
            raise RegionTooDeep
        region = Region(
            id=uuid7(),
            code=new.code,
            name=new.name,
            parent=parent,
            path=path,
            created_at=at,
            updated_at=at,
        )
        insert(region, RegionCodeExists)
        audit.record(
            action="network.create_region",
            subject=("region", region.wire_id),
            actor=actor,
            at=at,
            after=new.model_dump(mode="json", exclude_none=True),
            links=[parent.wire_id] if parent else [],
        )
        return region


def create_operator(new: policy.NewOperator, *, actor: Actor, at: datetime) -> Operator:
    """Make a counterparty. Audits. Raises: NotPermitted, OperatorCodeExists."""
    policy.require_may_shape(actor)
    with transaction.atomic():
        operator = Operator(id=uuid7(), created_at=at, updated_at=at, **new.model_dump())
        insert(operator, OperatorCodeExists)
        audit.record(
            action="network.create_operator",
            subject=("operator", operator.wire_id),
            actor=actor,
            at=at,
            after=new.model_dump(mode="json", exclude={"contact_email"}, exclude_none=True),
        )
        return operator


def insert(row: Region | Operator | Site, taken: type[Conflict]) -> None:
    """Insert a row whose code nobody has."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.UniqueViolation):
            raise taken(f"The code {row.code} is taken.") from None
        raise


def unknown(member: str, noun: str, given: str) -> ValidationFailed:
    """The refusal of a body that names a region or operator that is not there."""
    return ValidationFailed(
        faults=[Fault(f"/{member}", f"{noun}_not_found", f"There is no {noun} {given}.")]
    )
