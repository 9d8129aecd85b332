import re

import pytest
from django.test import Client


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/redoc/"])
def test_a_page_needs_no_network_and_no_inline_script(path: str, client: Client) -> None:
    answer = client.get(path, headers={"accept": "text/html"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "://" not in page
    assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|<style|\sstyle=", page)
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert client.get(asset).status_code == 200, asset


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_runs_only_our_own_script_files(path: str, client: Client) -> None:
    policy = client.get(path)["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["script-src"].startswith("'self'")
    assert "unsafe" not in directives["script-src"]
    assert directives["default-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"


def test_the_api_gets_nothing(client: Client) -> None:
    policy = client.get("/health")["Content-Security-Policy"]
    assert sorted(policy.split("; ")) == ["default-src 'none'", "frame-ancestors 'none'"]


def test_the_document_is_json_or_yaml_with_an_etag(client: Client) -> None:
    answer = client.get("/openapi.json")
    assert answer.json()["openapi"].startswith("3.1")
    assert answer.json()["paths"]["/api/v1/health"]
    again = client.get("/openapi.json", headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    yaml = client.get("/openapi.json?format=yaml")
    assert yaml.content.startswith(b"openapi: 3.1")


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_documents_may_be_for_our_people_only(path: str, client: Client, settings) -> None:
    settings.DOCS_PUBLIC = False
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "credentials_missing")
