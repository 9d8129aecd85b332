"""A domain is entered by its doors; everything else in it is private."""

import grimp
import pytest

DOMAINS = {"audit", "accounts", "webhooks", "jobs", "network", "outages", "sla", "payments"}
DOORS = {"services", "queries", "events", "choices"}
READING_ROOMS = {"api", "admin"}
FORMS = {"serializers", "examples"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*DOMAINS, "core", "config", include_external_packages=False)


def _crossings(graph: grimp.ImportGraph) -> list[tuple[str, str]]:
    return [
        (importer, imported)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if importer.partition(".")[0] in DOMAINS
        and imported.partition(".")[0] in DOMAINS
        and importer.partition(".")[0] != imported.partition(".")[0]
    ]


def _is_door(importer: str, imported: str) -> bool:
    room = imported.split(".")[1] if "." in imported else ""
    if room in DOORS:
        return True
    own_room = importer.split(".")[1] if "." in importer else ""
    is_form = room == "api" and imported.rsplit(".", maxsplit=1)[-1] in FORMS
    return own_room in READING_ROOMS and is_form


def test_other_domains_are_entered_by_their_doors_only(graph: grimp.ImportGraph) -> None:
    wrong = [pair for pair in _crossings(graph) if not _is_door(*pair)]
    assert wrong == []


def test_only_reading_crosses_upwards(graph: grimp.ImportGraph) -> None:
    order = [
        "core",
        "audit",
        "accounts",
        "jobs",
        "webhooks",
        "network",
        "outages",
        "sla",
        "payments",
    ]
    upward = [
        (importer, imported)
        for importer, imported in _crossings(graph)
        if order.index(importer.partition(".")[0]) < order.index(imported.partition(".")[0])
        and {importer.partition(".")[0], imported.partition(".")[0]} != {"jobs", "webhooks"}
    ]
    rooms = {(importer.split(".")[1], imported.split(".")[1]) for importer, imported in upward}
    assert rooms <= {("api", "queries"), ("api", "api"), ("admin", "queries"), ("admin", "api")}


def test_the_kernel_knows_no_domain(graph: grimp.ImportGraph) -> None:
    known = {
        imported
        for importer in graph.modules
        if importer.split(".")[0] == "core"
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.split(".")[0] in DOMAINS | {"config"}
    }
    assert known == set()


def test_nobody_outside_imports_the_composition_root(graph: grimp.ImportGraph) -> None:
    importers = {
        importer
        for importer in graph.modules
        if importer.split(".")[0] != "config"
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.split(".")[0] == "config"
    }
    assert importers == set()
