"""One view that inserts, one that lists, one that reads a row."""

import json
from uuid import uuid4

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone

from bench.bare.models import Inserted, Listed, Person


def insert(request: HttpRequest) -> JsonResponse:
    """Parse the body, insert one row in autocommit, answer."""
    given = json.loads(request.body)
    unique, now = uuid4().hex, timezone.now()
    outage = Inserted.objects.create(  # type: ignore[attr-defined]  # another project's app
        reference=f"BARE-{unique}",
        birth_key=unique * 2,
        created_by="bench",
        created_at=now,
        updated_at=now,
        **given,
    )
    return JsonResponse({"id": outage.reference, "status": outage.status}, status=201)


def newest(request: HttpRequest) -> JsonResponse:
    """A page by cursor: the rows before the one named, newest first."""
    rows = Listed.objects.filter(deleted_at=None)  # type: ignore[attr-defined]
    rows = rows.order_by("-detected_at", "-id")
    if cursor := request.GET.get("cursor"):
        detected_at, _, key = cursor.partition("_")
        rows = rows.filter(detected_at__lte=detected_at).exclude(
            detected_at=detected_at, id__gte=key
        )
    size = int(request.GET["limit"])
    found = list(rows.values("id", *Listed.SHOWN)[: size + 1])
    following = None
    if len(found) > size:
        found.pop()
        following = f"{found[-1]['detected_at'].isoformat()}_{found[-1]['id']}"
    return JsonResponse({"items": found, "next_cursor": following})


def person(request: HttpRequest, key: str) -> JsonResponse:
    """One row by its key."""
    found = Person.objects.get(id=key)  # type: ignore[attr-defined]  # another project's app
    return JsonResponse(
        {
            "id": found.id,
            "email": found.email,
            "full_name": found.full_name,
            "stellar_wallet": found.stellar_wallet,
            "created_at": found.created_at,
        }
    )


urlpatterns = [
    path("insert", insert),
    path("newest", newest),
    path("person/<uuid:key>", person),
]
