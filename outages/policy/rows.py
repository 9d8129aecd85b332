"""What a row of a file says of an outage: two sets of columns, one kind of facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from core import cells, wire
from core.errors import Fault
from outages.choices import Severity, Status
from outages.policy.intake import OutageFacts

RECORD, SERVICE = "record", "service"

REQUIRED = {
    RECORD: frozenset({"site_name", "severity", "detected_at", "description"}),
    SERVICE: frozenset({"service_id", "start_time", "end_time"}),
}
OPTIONAL = {
    RECORD: frozenset(
        {"id", "site_id", "status", "cause", "affected_services", "affected_subscribers",
         "assigned_to", "location", "latitude", "longitude", "root_cause", "resolution_notes",
         "resolved_at", "mttr_minutes", "declared_mttr_minutes"}
    ),
    SERVICE: frozenset(
        {"id", "severity", "site_name", "site_id", "description", "affected_subscribers"}
    ),
}  # fmt: skip
LIST_SEPARATORS = "|;"

# Members that stand in other columns, if the file has those.
_COLUMNS = {
    "/affected_services": "service_id",
    "/detected_at": "start_time",
    "/resolved_at": "end_time",
    "/mttr_minutes": "declared_mttr_minutes",
    "/location/latitude": "latitude",
    "/location/longitude": "longitude",
}
# What is wrong with a member of a wrong type.
_UNREAD = {
    "affected_services": "bad_list",
    "affected_subscribers": "bad_number",
    "mttr_minutes": "bad_number",
    "location": "bad_number",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """One row: its facts, or its faults in the codes of files; and which defaults it took."""

    facts: OutageFacts | None
    faults: tuple[Fault, ...] = ()
    defaulted: tuple[str, ...] = ()


def read_row(given: Mapping[str, Any], columns: str, *, is_text: bool) -> Reading:
    """Read a row of this set of columns; ``is_text``: every cell is text, as in CSV."""
    present = {name: value for name, value in given.items() if value is not None}
    faults: list[Fault] = []
    if columns == SERVICE:
        members, defaulted = _service(present, faults)
    else:
        members, defaulted = _record(dict(present), faults, is_text=is_text)
    try:
        facts = OutageFacts.model_validate(members)
    except ValidationError as error:
        faults += [_in_file(fault, present, columns) for fault in wire.faults_of(error)]
    return Reading(None, tuple(faults)) if faults else Reading(facts, defaulted=defaulted)


def _fault(column: str, code: str, words: str) -> Fault:
    return Fault(f"/{column}", code, f"{column}: {words}", "file")


def _record(
    members: dict[str, Any], faults: list[Fault], *, is_text: bool
) -> tuple[dict[str, Any], tuple[str, ...]]:
    declared = members.pop("declared_mttr_minutes", None)
    if declared is not None:
        members.setdefault("mttr_minutes", declared)
    services = members.get("affected_services")
    if isinstance(services, str):
        members["affected_services"] = cells.listed(services, LIST_SEPARATORS)
        if members["affected_services"] is None:
            del members["affected_services"]
            faults.append(
                _fault("affected_services", "bad_list", "this is no JSON array of texts.")
            )
    _locate(members, faults, is_text=is_text)
    if "status" in members:
        return members, ()
    ended = "resolved_at" in members or "mttr_minutes" in members
    members["status"] = Status.RESOLVED.value if ended else Status.OPEN.value
    return members, () if ended else ("status",)


def _locate(members: dict[str, Any], faults: list[Fault], *, is_text: bool) -> None:
    """One place from a JSON cell, or from two columns."""
    latitude, longitude = members.pop("latitude", None), members.pop("longitude", None)
    location = members.get("location")
    if isinstance(location, str) and is_text:
        try:
            members["location"] = orjson.loads(location)
        except orjson.JSONDecodeError:
            del members["location"]
            words = 'this is no {"latitude": .., "longitude": ..}.'
            faults.append(_fault("location", "bad_number", words))
    elif location is None and (latitude is not None or longitude is not None):
        if latitude is None or longitude is None:
            missing = "latitude" if latitude is None else "longitude"
            faults.append(_fault(missing, "missing_value", "a place has both coordinates or none."))
        else:
            members["location"] = {"latitude": latitude, "longitude": longitude}


def _service(given: dict[str, Any], faults: list[Fault]) -> tuple[dict[str, Any], tuple[str, ...]]:
    service = given.get("service_id", "?")
    if not isinstance(service, str):
        faults.append(_fault("service_id", "bad_row", "this must be text."))
    faults += [
        _fault(name, "missing_value", "a value is required.")
        for name in ("service_id", "end_time")
        if name not in given
    ]
    defaults = {
        "severity": Severity.MEDIUM.value,
        "site_name": given.get("site_id", service),
        "description": f"Imported: {service}",
    }
    taken = {name: given[name] for name in given.keys() & OPTIONAL[SERVICE]}
    members = defaults | taken | {"affected_services": [service]}
    for name, column in (("detected_at", "start_time"), ("resolved_at", "end_time")):
        if column in given:
            members[name] = given[column]
    if "end_time" in given:
        members["status"] = Status.RESOLVED.value
    return members, tuple(name for name in defaults if name not in given)


def _in_file(fault: Fault, given: Mapping[str, Any], columns: str) -> Fault:
    """The same fault as a file says it: its code, and the column it stands in."""
    code = cells.FILE_CODES.get(fault.code, fault.code)
    if fault.code == "wrong_type":
        code = _UNREAD.get(fault.pointer.split("/")[1] if fault.pointer else "", "bad_row")
    pointer, detail = fault.pointer, fault.detail
    column = _COLUMNS.get(pointer, "")
    if column in given or (column and columns == SERVICE):
        detail = detail.replace(pointer.rpartition("/")[2], column, 1)
        pointer = f"/{column}"
    return Fault(pointer, code, detail, "file", fault.more)
