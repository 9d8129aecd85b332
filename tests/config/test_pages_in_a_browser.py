import pytest
from playwright.sync_api import Page

from tests import world
from tests.config.browser import BROWSER, visit

pytestmark = [BROWSER, pytest.mark.django_db(transaction=True)]


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
