"""The routes of files: import, bulk, the history of both, export."""

from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.request import Request

from core import exports, limits, wire
from core.actors import system
from core.errors import Fault, TooLarge, UnsupportedMediaType, ValidationFailed
from core.ids import MalformedId
from core.openapi import bare_or_list_of, operation
from core.pagination import Listing, Sort, read_instant
from core.rendering import JsonParser
from core.views import Answer, ApiView
from jobs import queries as jobs
from jobs.api import examples as job_examples
from jobs.api.serializers import ImportStatusResponse, import_form
from jobs.choices import Consistency
from jobs.services import (
    BadHeader,
    Job,
    TooManyJobs,
    TooManyRows,
    UnsupportedFile,
    Upload,
    receive,
)
from outages.api import examples, files
from outages.api.filters import narrow
from outages.choices import Settlement
from outages.policy import intake
from outages.policy.intake import OutageFacts
from outages.services import imports

FILE_REFUSALS = (BadHeader, UnsupportedFile, UnsupportedMediaType, TooManyRows, TooLarge)
BARE_UNLESS = frozenset({"page", "page_size", "per_page", "cursor", "limit"})
BARE_ROWS = 200
JSON, NDJSON = "application/json", "application/x-ndjson"

HISTORY: Listing[Job] = Listing(
    sorts={"created_at": Sort("created_at", read_instant)},
    default="created_at:desc",
    form=files.history_forms,
)


class _UploadView(ApiView):
    """Takes a file, which goes to the disk while it comes in, and answers with its job."""

    parser_classes: Sequence[type[BaseParser]] = (MultiPartParser,)
    bucket = limits.HEAVY

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        request.upload_handlers = [TemporaryFileUploadHandler(request)]
        return super().initialize_request(request, *args, **kwargs)

    def upload(self, request: Request) -> Upload:
        """The part ``file`` of the form. Raises: ValidationFailed, UnsupportedFile."""
        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            detail = "Send the file as the part `file` of a form (multipart/form-data)."
            raise ValidationFailed(faults=[Fault("/file", "required", detail, "file")])
        return receive(cast("BinaryIO", file), file.name or "", file.content_type or "")

    def options_of(self, request: Request) -> dict[str, list[str]]:
        """Parameters of the query and fields of the form; a field wins."""
        given = {name: list(values) for name, values in request.query_params.lists()}
        fields = {name: [str(value) for value in values] for name, values in request.POST.lists()}
        return given | fields

    def job(self, subject: str) -> Job:
        """The job of an answer; that the caller may see it was decided when it was made."""
        return jobs.get_job(subject.partition(" ")[0], system("outages"))


class ImportView(_UploadView):
    """Load a file, all rows or the good ones; at once up to 1,000 rows, else as a job."""

    @operation(
        "Import outages from a file",
        response=PolymorphicProxySerializer(
            component_name="ImportAnswer",
            serializers=[files.ImportResponse, ImportStatusResponse],
            resource_type_field_name=None,
        ),
        role="engineer",
        query=files.ImportQuery,
        writes=True,
        files={"multipart/form-data": files.FileRequest},
        also={(202, JSON): (ImportStatusResponse, job_examples.WAITING)},
        refuses=(*FILE_REFUSALS, TooManyJobs),
        example=examples.IMPORTED,
    )
    def post(self, request: Request) -> Answer:
        options = wire.read_query(files.ImportQuery, self.options_of(request))
        taken = imports.import_outages(
            self.upload(request),
            consistency=Consistency(options.consistency),
            dry_run=options.dry_run,
            again=options.again,
            settlement=Settlement(options.settlement),
            later="respond-async" in request.headers.get("Prefer", ""),
            actor=self.actor,
            at=self.at,
        )
        wire_id = taken.job.wire_id
        if not taken.is_queued:
            return Answer(subject=f"{wire_id} report")
        location = f"{settings.API_V1_PREFIX}/imports/{wire_id}/status"
        if not taken.is_new:
            return Answer(subject=f"{wire_id} duplicate", location=location)
        return Answer(subject=f"{wire_id} status", status=202, location=location)

    def represent(self, subject: str) -> Any:
        kind = subject.partition(" ")[2]
        if kind == "report":
            return files.import_report(self.job(subject))
        form = import_form(self.job(subject))
        return form | ({"duplicate": True} if kind == "duplicate" else {})


class BulkView(_UploadView):
    """Open many outages: a JSON list, all or none, or the good rows of a file."""

    parser_classes = (JsonParser, MultiPartParser)

    @operation(
        "Open many outages (a JSON list: all or none) or load the good rows of a file",
        response=PolymorphicProxySerializer(
            component_name="BulkAnswer",
            serializers=[files.ListedResponse, files.LoadResponse],
            resource_type_field_name=None,
        ),
        role="engineer",
        query=files.LoadQuery,
        writes=True,
        files={
            "application/json": files.ListRequest,
            "multipart/form-data": files.FileRequest,
        },
        refuses=FILE_REFUSALS,
        body_example=examples.LIST,
        example=examples.LISTED,
    )
    def post(self, request: Request) -> Answer:
        if (request.content_type or "").startswith("multipart/"):
            options = wire.read_query(files.LoadQuery, self.options_of(request))
            taken = imports.load_outages(
                self.upload(request),
                settlement=Settlement(options.settlement),
                actor=self.actor,
                at=self.at,
            )
            return Answer(subject=f"{taken.job.wire_id} file")
        job = imports.open_listed_outages(
            _listed(request.data),
            settlement=Settlement(self._settlement(request)),
            actor=self.actor,
            at=self.at,
        )
        return Answer(subject=f"{job.wire_id} list")

    @staticmethod
    def _settlement(request: Request) -> str:
        given = {name: request.query_params[name] for name in request.query_params}
        body = request.data if isinstance(request.data, dict) else {}
        if body.get("settlement") is not None:
            given["settlement"] = body["settlement"]
        return wire.read(files.LoadQuery, given).settlement

    def represent(self, subject: str) -> Any:
        report = files.load_report if subject.endswith(" file") else files.list_report
        return report(self.job(subject))


def _listed(body: Any) -> list[OutageFacts]:
    """The outages of a JSON body. Raises: ValidationFailed with every fault of every one."""
    given = body.get("outages") if isinstance(body, dict) else None
    if not isinstance(given, list) or not given:
        detail = 'The body is {"outages": [...]} with at least one outage.'
        raise ValidationFailed(faults=[Fault("/outages", "required", detail)])
    if len(given) > intake.BULK_AT_MOST:
        detail = f"At most {intake.BULK_AT_MOST} outages in one body, not {len(given)}."
        more = {"limit": intake.BULK_AT_MOST}
        raise ValidationFailed(faults=[Fault("/outages", "too_many", detail, more=more)])
    births, faults = [], []
    for index, each in enumerate(given):
        try:
            births.append(wire.read(OutageFacts, each))
        except ValidationFailed as refused:
            faults += [fault.within(f"/outages/{index}") for fault in refused.faults]
    if faults:
        raise ValidationFailed(faults=faults)
    return births


class HistoryView(ApiView):
    """What was loaded before, newest first; the caller's own, for global engineers everybody's."""

    @operation(
        "List past imports (a bare array of the newest 200 without page, page_size or cursor)",
        response=bare_or_list_of(files.HistoryResponse),
        role="engineer",
        query=files.HistoryQuery,
        example=examples.HISTORY,
    )
    def get(self, request: Request) -> Any:
        imports.require_may_import(self.actor)
        query = wire.read_query(files.HistoryQuery, dict(request.query_params.lists()))
        loads = jobs.imports(imports.TARGET, self.actor)
        if BARE_UNLESS.isdisjoint(request.query_params):
            return files.history_forms(list(loads.order_by("-created_at", "-id")[:BARE_ROWS]))
        return HISTORY.answer(loads, query)


class ExportView(ApiView):
    bucket = limits.HEAVY

    @operation(
        "Export outages as a file; filters as in the list, in the order of recording",
        response=str,
        role="engineer",
        query=files.ExportQuery,
        refuses=(MalformedId,),
        media_type="text/csv",
        also={(200, JSON): (files.ExportedResponse(many=True), None), (200, NDJSON): (str, None)},
    )
    def get(self, request: Request) -> HttpResponseBase:
        query = wire.read_query(files.ExportQuery, dict(request.query_params.lists()))
        rows = narrow(query, self.actor)
        count = rows.order_by().count()
        imports.export_outages(query.filters(), count, actor=self.actor, at=self.at)
        return exports.respond(rows, files.layout(query.format), query.format)
