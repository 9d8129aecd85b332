"""Debian's chromium, driven by a test."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connections
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
BROWSER = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")

Steps = Callable[[Page], None]
T = TypeVar("T")


def browse(url: str, steps: Steps, **context: Any) -> list[str]:
    """Open a page, take the steps; return its complaints and what it fetches elsewhere."""
    complaints: list[str] = []
    fetched: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(**context)
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(url)
        steps(page)
        page.wait_for_load_state("networkidle")
        browser.close()
    ours = ("/".join(url.split("/")[:3]), "data:", "blob:")
    return complaints + [address for address in fetched if not address.startswith(ours)]


def visit(url: str, steps: Steps, **context: Any) -> list[str]:
    # A thread of its own: playwright leaves an event loop behind, in which Django refuses to work.
    return aside(lambda: browse(url, steps, **context))


def aside(call: Callable[[], T]) -> T:
    """Do something in a thread without an event loop, as the steps of a page must for Django."""

    def run() -> T:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(run).result()
