"""The API as its document tells it, and what every refusal looks like."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

from core.management.commands.errors import classes
from core.problems import status_of
from tests import world

PROBLEM = "application/problem+json"
MEMBERS = {
    "type", "title", "status", "code", "detail", "message", "instance",
    "correlation_id", "correlationId",
}  # fmt: skip
WRITING = ("POST", "PUT", "PATCH", "DELETE")


@cache
def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


@dataclass(frozen=True)
class Operation:
    """One method at one path. ``str`` of it names a test."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = document()["paths"][self.path][self.method.lower()]
        return found

    @property
    def names(self) -> list[str]:
        """The parameters in its path."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def queries(self) -> list[str]:
        """The parameters of its query."""
        given = self.described.get("parameters", [])
        return [each["name"] for each in given if each["in"] == "query"]

    @property
    def media_types(self) -> dict[str, Any]:
        found: dict[str, Any] = self.described.get("requestBody", {}).get("content", {})
        return found

    @property
    def takes_json(self) -> bool:
        return "application/json" in self.media_types

    @property
    def members(self) -> list[str]:
        """The members of its JSON body."""
        return list(resolved(self.media_types["application/json"]["schema"])["properties"])

    @property
    def body(self) -> dict[str, Any]:
        """The body that the document shows."""
        (shown, *_) = self.media_types["application/json"]["examples"].values()
        copied: dict[str, Any] = json.loads(json.dumps(shown["value"]))
        return copied

    def address(self, things: Mapping[str, str]) -> str:
        """The path behind the prefix, with these in the places of its parameters."""
        given = {name: things[name] for name in self.names}
        if self.path.endswith(("/reopen", "/recompute-sla")) and given["reference"] == "OUT-1":
            given["reference"] = things["resolved"]
        filled = self.path.format(**given)
        return filled.removeprefix(settings.API_V1_PREFIX)


# Another process serves it (tests/accounts/test_session_stream.py); the web process hands it over.
STREAM = f"{settings.API_V1_PREFIX}/auth/events"


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = document()["components"]["schemas"][name]
    return found


def operations(under: str = settings.API_V1_PREFIX) -> list[Operation]:
    return [
        Operation(method.upper(), path)
        for path, item in document()["paths"].items()
        for method in item
        if path.startswith(under) and path != STREAM
    ]


def writing_operations() -> list[Operation]:
    return [each for each in operations() if each.method in WRITING]


@cache
def registered() -> dict[str, set[int]]:
    """The statuses of every code that the product knows."""
    found: dict[str, set[int]] = {}
    for cls in classes():
        found.setdefault(cls.code, set()).add(status_of(cls()))
    return found


def what_is_wrong(
    status: int, content_type: str, content: bytes, operation: Operation | None = None
) -> str:
    """What a refusal lacks of RFC 9457 and of the house; nothing: it is as it should be."""
    if content_type != PROBLEM:
        return f"{status} is {content_type}"
    told = json.loads(content)
    if missing := MEMBERS - told.keys():
        return f"without {sorted(missing)}"
    if status not in registered().get(told["code"], ()):
        return f"{status} {told['code']} is not registered"
    if told["status"] != status or told["type"] != f"urn:noc-iq:problem:{told['code']}":
        return f"contradicts itself: {told}"
    if told["detail"] != told["message"] or not told["detail"].strip():
        return f"without a detail: {told}"
    if told["correlation_id"] != told["correlationId"] or not told["correlation_id"]:
        return f"without a correlation id: {told}"
    if "errors" in told and status not in (400, 422):
        return f"{status} has errors"
    for fault in told.get("errors", []):
        if not {"pointer", "code", "detail"} <= fault.keys() or not fault["detail"]:
            return f"has half a fault: {fault}"
    if operation is not None:
        documented = operation.described["responses"].get(str(status), {}).get("description", "")
        if told["code"] not in documented.split(", "):
            return f"{status} {told['code']} is not documented"
    return ""


def make_things() -> dict[str, str]:
    """One of everything that an address can name, by the name of its parameter."""
    site = world.site("LOS-1", region=world.region("lagos"), operator=world.operator())
    world.outage(id="OUT-1", site_id=site.code)
    world.outage(id="OUT-2", site_id=site.code, description="The other one")
    admin = world.client("admin")

    def made(method: str, path: str, body: Any = None) -> Any:
        answer = admin.request(method, path, body)
        assert answer.status_code < 300, answer.content
        return answer.json()

    made("POST", "/outages/OUT-2/resolve", {"mttr_minutes": 25})
    webhook = made("POST", "/webhooks", {"url": "https://hooks.example/noc", "events": ["*"]})
    delivery = made("POST", f"/webhooks/{webhook['id']}/test")
    person = made("POST", "/access/users", {"email": "ada@example.com"})["id"]
    group = {"claim_value": "noc", "role": "viewer"}
    listed = {"site_name": "Tema", "severity": "low", "description": "Flapping"}
    bulk = {"outages": [listed | {"detected_at": "2026-01-05T10:00:00Z"}]}
    machine = {"full_name": "Poller", "responsible": person}
    return {
        "reference": "OUT-1",
        "resolved": "OUT-2",
        "named": site.code,
        "severity": "high",
        "event_type": "outage.resolved",
        "webhook_id": webhook["id"],
        "delivery_id": delivery["id"],
        "job_id": made("POST", "/outages/bulk", bulk)["job_id"],
        "user_id": person,
        "account_id": made("POST", "/access/service-accounts", machine)["id"],
        "key_id": made("POST", "/api-keys", {"name": "a key", "scopes": ["outages:read"]})["id"],
        "provider": "corp",
        "session_id": world.session(world.standing("admin")).wire_id,
        "grant_id": made("POST", f"/access/users/{person}/grants", {"role": "viewer"})["id"],
        "team_id": made("POST", "/access/teams", {"name": "Nights"})["id"],
        "mapping_id": made("POST", "/access/group-mappings", group)["id"],
    }


def followers_of(things: Mapping[str, str]) -> dict[str, str]:
    """What the resolved outage brought about."""
    told = world.client("admin").get(f"/outages/{things['resolved']}").json()
    return {"payment": told["payment"]["id"], "result": told["sla_status"]["result_id"]}
