"""How sites, regions and operators are asked for and told."""

from typing import Annotated, Any

from pydantic import Field
from rest_framework import serializers

from core import wire
from core.pagination import ListQuery
from network.choices import OperatorKind, OperatorStatus, SiteKind, SiteStatus
from network.models import Operator, Region, Site

Words = Annotated[list[str], wire.many(longest=64)]


class SiteQuery(ListQuery):
    kind: Annotated[list[str], wire.many(SiteKind.values)] = []
    status: Annotated[list[str], wire.many(SiteStatus.values)] = []
    region: Words = Field([], description="Code or id; regions below it are included.")
    operator: Words = Field([], description="Code or id.")
    country: Words = []
    q: Annotated[str | None, wire.text(2, 100)] = Field(
        None, description="The start of a code, or a part of a name."
    )


class RegionQuery(ListQuery):
    pass


class OperatorQuery(ListQuery):
    kind: Annotated[list[str], wire.many(OperatorKind.values)] = []
    status: Annotated[list[str], wire.many(OperatorStatus.values)] = []


class SiteLocationResponse(serializers.Serializer[Any]):
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()


class SiteResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(SiteKind.choices)
    status = serializers.ChoiceField(SiteStatus.choices)
    region = serializers.CharField(allow_null=True, help_text="Code")
    operator = serializers.CharField(allow_null=True, help_text="Code")
    country = serializers.CharField(allow_null=True)
    location = SiteLocationResponse(allow_null=True)
    timezone = serializers.CharField()
    criticality = serializers.IntegerField()
    external_ref = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RegionResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    parent = serializers.CharField(  # type: ignore[assignment]
        allow_null=True, help_text="Code"
    )
    path = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class OperatorResponse(serializers.Serializer[Any]):
    id = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(OperatorKind.choices)
    status = serializers.ChoiceField(OperatorStatus.choices)
    country = serializers.CharField(allow_null=True)
    contact_email = serializers.CharField(allow_null=True)
    external_ref = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def _times(row: Site | Region | Operator) -> dict[str, Any]:
    return {
        "created_at": wire.instant(row.created_at),
        "updated_at": wire.instant(row.updated_at),
    }


def site_form(site: Site) -> dict[str, Any]:
    location = None
    if site.latitude is not None and site.longitude is not None:
        location = {"latitude": site.latitude, "longitude": site.longitude}
    return {
        "id": site.wire_id,
        "code": site.code,
        "name": site.name,
        "kind": site.kind,
        "status": site.status,
        "region": site.region.code if site.region else None,
        "operator": site.operator.code if site.operator else None,
        "country": site.country,
        "location": location,
        "timezone": site.timezone,
        "criticality": site.criticality,
        "external_ref": site.external_ref,
        **_times(site),
    }


def region_form(region: Region) -> dict[str, Any]:
    return {
        "id": region.wire_id,
        "code": region.code,
        "name": region.name,
        "parent": region.parent.code if region.parent else None,
        "path": region.path,
        **_times(region),
    }


def operator_form(operator: Operator) -> dict[str, Any]:
    return {
        "id": operator.wire_id,
        "code": operator.code,
        "name": operator.name,
        "kind": operator.kind,
        "status": operator.status,
        "country": operator.country,
        "contact_email": operator.contact_email,
        "external_ref": operator.external_ref,
        **_times(operator),
    }
