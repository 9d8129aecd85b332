"""Reading the network."""

from typing import Any, ClassVar

from django.db.models import Q
from rest_framework.request import Request

from core import wire
from core.openapi import list_of, operation
from core.pagination import Listing, Sort, UnknownSort
from core.views import ApiView
from network import policy, queries
from network.api.serializers import (
    OperatorQuery,
    OperatorResponse,
    RegionQuery,
    RegionResponse,
    SiteQuery,
    SiteResponse,
    operator_form,
    region_form,
    site_form,
)
from network.models import Operator, Region, Site

SITE_EXAMPLE = {
    "id": "site_01h455vb4pex5vsknk084sn02q",
    "code": "LOS-001",
    "name": "Lagos Island",
    "kind": "pop",
    "status": "active",
    "region": "lagos",
    "operator": "acme",
    "country": "NG",
    "location": {"latitude": 6.4541, "longitude": 3.3947},
    "timezone": "Africa/Lagos",
    "criticality": 1,
    "external_ref": None,
    "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:00Z",
}

REGION_EXAMPLE = {
    "id": "reg_01h455vb4pex5vsknk084sn02q",
    "code": "lagos",
    "name": "Lagos",
    "parent": "ng",
    "path": "emea/ng/lagos/",
    "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:00Z",
}
OPERATOR_EXAMPLE = {
    "id": "opr_01h455vb4pex5vsknk084sn02q",
    "code": "acme",
    "name": "Acme Towers",
    "kind": "tower_company",
    "status": "active",
    "country": "NG",
    "contact_email": "noc@acme.example",
    "external_ref": None,
    "created_at": "2026-01-05T10:00:00Z",
    "updated_at": "2026-01-05T10:00:00Z",
}


def _page(order: str, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": [item],
        "total": 1,
        "page": 1,
        "page_size": 20,
        "sort_by": order,
        "sort_direction": "asc",
    }


class SitesView(ApiView):
    listing: ClassVar[Listing[Site]] = Listing(
        sorts={"code": Sort("code"), "name": Sort("name")},
        default="code:asc",
        form=lambda sites: [site_form(site) for site in sites],
    )

    @operation(
        "List the sites one may see",
        response=list_of(SiteResponse),
        query=SiteQuery,
        refuses=[UnknownSort],
        example=_page("code", SITE_EXAMPLE),
    )
    def get(self, request: Request) -> dict[str, Any]:
        policy.require_may_read(self.actor)
        query = wire.read_query(SiteQuery, dict(request.query_params.lists()))
        sites = Site.objects.filter(queries.within(self.actor, "pk"), _wanted(query))
        return self.listing.answer(sites.select_related("region", "operator"), query)


class SiteView(ApiView):
    @operation(
        "One site, by code or id; the code of a merged site finds what it was merged into",
        response=SiteResponse,
        path={"named": "Code or id of a site"},
        refuses=[queries.SiteNotFound],
        example=SITE_EXAMPLE,
    )
    def get(self, request: Request, named: str) -> dict[str, Any]:
        policy.require_may_read(self.actor)
        return site_form(queries.get_site(named, self.actor))


class RegionsView(ApiView):
    listing: ClassVar[Listing[Region]] = Listing(
        sorts={"path": Sort("path"), "code": Sort("code"), "name": Sort("name")},
        default="path:asc",
        form=lambda regions: [region_form(region) for region in regions],
    )

    @operation(
        "List the regions, each after the one it lies in",
        response=list_of(RegionResponse),
        query=RegionQuery,
        refuses=[UnknownSort],
        example=_page("path", REGION_EXAMPLE),
    )
    def get(self, request: Request) -> dict[str, Any]:
        policy.require_may_read(self.actor)
        query = wire.read_query(RegionQuery, dict(request.query_params.lists()))
        return self.listing.answer(Region.objects.select_related("parent"), query)


class OperatorsView(ApiView):
    listing: ClassVar[Listing[Operator]] = Listing(
        sorts={"code": Sort("code"), "name": Sort("name")},
        default="code:asc",
        form=lambda operators: [operator_form(operator) for operator in operators],
    )

    @operation(
        "List the counterparties of the sites one may see",
        response=list_of(OperatorResponse),
        query=OperatorQuery,
        refuses=[UnknownSort],
        example=_page("code", OPERATOR_EXAMPLE),
    )
    def get(self, request: Request) -> dict[str, Any]:
        policy.require_may_read(self.actor)
        query = wire.read_query(OperatorQuery, dict(request.query_params.lists()))
        operators = queries.visible_operators(self.actor)
        if query.kind:
            operators = operators.filter(kind__in=query.kind)
        if query.status:
            operators = operators.filter(status__in=query.status)
        return self.listing.answer(operators, query)


def _wanted(query: SiteQuery) -> Q:
    wanted = Q()
    for field in ("kind", "status", "country"):
        if values := getattr(query, field):
            wanted &= Q(**{f"{field}__in": values})
    if query.region:
        wanted &= queries.in_regions(query.region)
    if query.operator:
        wanted &= Q(operator__in=queries.operators_named(query.operator))
    if query.q:
        wanted &= Q(code__istartswith=query.q) | Q(name__icontains=query.q)
    return wanted
