import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, sync_playwright

from tests import world

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.django_db(transaction=True),
]


Steps = Callable[[Page], None]


def browse(url: str, steps: Steps) -> list[str]:
    """Open a page, take the steps; return its complaints and what it fetches elsewhere."""
    complaints: list[str] = []
    fetched: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: fetched.append(request.url))
        page.goto(url)
        steps(page)
        page.wait_for_load_state("networkidle")
        browser.close()
    ours = ("/".join(url.split("/")[:3]), "data:", "blob:")
    return complaints + [address for address in fetched if not address.startswith(ours)]


def visit(url: str, steps: Steps) -> list[str]:
    # A thread of its own: playwright leaves an event loop behind, in which Django refuses to work.
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(browse, url, steps).result()


@pytest.mark.parametrize(
    ("path", "waits_for"),
    [("/docs", ".opblock-tag"), ("/redoc", "[role=menuitem]"), ("/admin/login/", "#id_username")],
)
def test_a_page_works_offline_under_its_policy(path: str, waits_for: str, live_server) -> None:
    def steps(page: Page) -> None:
        page.wait_for_selector(waits_for)

    assert visit(live_server.url + path, steps) == []


def test_swagger_calls_the_api_with_a_bearer_token(live_server) -> None:
    token = world.access_token(world.person("viewer", email="reader@example.test"))
    answers: list[tuple[int, str]] = []

    def steps(page: Page) -> None:
        page.click("button.authorize")
        page.fill("#auth-bearer-value", token)
        page.click(".auth-container:has(#auth-bearer-value) button[type=submit]")
        page.click("button.close-modal")
        page.click("#operations-tag-auth")
        page.click(".opblock:has([data-path='/api/v1/auth/me']) .opblock-summary-control")
        with page.expect_response("**/api/v1/auth/me") as response:
            page.click("button.execute")
        answers.append((response.value.status, response.value.json()["email"]))
        page.wait_for_selector(".live-responses-table")

    assert visit(live_server.url + "/docs", steps) == []
    assert answers == [(200, "reader@example.test")]
