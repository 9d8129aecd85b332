"""The back office as a browser shows it, under its policy: in, idle, out."""

from datetime import timedelta
from typing import Any

import pyotp
import pytest
from django.utils import timezone
from playwright.sync_api import Page

from accounts import services
from accounts.models import Session, User
from tests import world
from tests.accounts import codes
from tests.config.browser import BROWSER, aside, visit

pytestmark = [BROWSER, pytest.mark.django_db(transaction=True)]

MINUTE = 60_000
REFUSED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"


@pytest.fixture
def ada() -> User:
    return world.person(
        "admin", email="ada@example.com", full_name="Ada Obi", password=world.PASSWORD
    )


def sign_in(page: Page, code: str = "") -> None:
    page.fill("#id_username", "ada@example.com")
    page.fill("#id_password", world.PASSWORD)
    page.fill("#id_code", code)
    page.click("button[type=submit]")


def sessions() -> Any:
    return Session.objects.filter(kind="back_office")


def test_signing_in_with_a_code_leads_to_where_one_wanted(ada: User, live_server: Any) -> None:
    device = codes.device(ada, timezone.now())

    def steps(page: Page) -> None:
        sign_in(page)
        page.wait_for_selector(".errornote")
        assert page.input_value("#id_username") == "ada@example.com"
        assert page.input_value("#id_password") == ""
        sign_in(page, device.code(timezone.now()))
        page.wait_for_selector("#result_list")
        assert page.url.endswith("/admin/accounts/user/")

    assert visit(f"{live_server.url}/admin/accounts/user/", steps) == [REFUSED]


def test_enrolment_is_forced_and_then_lets_on(ada: User, live_server: Any, settings: Any) -> None:
    settings.MFA_REQUIRED_ROLES = ("admin",)

    def steps(page: Page) -> None:
        sign_in(page)
        page.click("button[name=begin]")
        picture = page.locator(".noc-qr")
        picture.wait_for()
        assert picture.evaluate("each => each.naturalWidth") > 0  # the policy lets it be shown
        assert page.locator(".noc-codes li").count() == 10
        page.fill("#id_code", pyotp.TOTP(page.inner_text(".noc-secret")).now())
        page.click("button:has-text('Confirm')")
        page.wait_for_selector("#result_list")

    assert visit(f"{live_server.url}/admin/accounts/user/", steps) == []


def test_a_page_warns_before_the_end_stays_when_asked_and_then_covers_itself(
    ada: User, live_server: Any
) -> None:
    def steps(page: Page) -> None:
        page.clock.install()
        sign_in(page)
        page.wait_for_selector("#result_list")
        aside(lambda: sessions().update(expires_at=timezone.now() + timedelta(seconds=40)))
        page.clock.fast_forward(16_000)
        page.wait_for_selector(".noc-warning")
        page.click("text=Stay signed in")
        page.wait_for_selector(".noc-warning", state="detached")
        kept = aside(lambda: sessions().get().expires_at)
        assert kept - timezone.now() > timedelta(minutes=14)

        past = timezone.now() - timedelta(seconds=1)
        aside(lambda: sessions().update(expires_at=past))
        page.clock.fast_forward(16_000)
        page.wait_for_selector(".noc-cover")
        assert "ada@example.com" not in page.content()
        page.click("text=Sign in again")
        page.wait_for_selector("text=Your session has ended")
        sign_in(page)
        page.wait_for_selector("#result_list")
        assert page.url.endswith("/admin/accounts/user/")

    assert visit(f"{live_server.url}/admin/accounts/user/", steps) == []


def test_a_page_that_cannot_ask_covers_itself_by_its_own_clock(ada: User, live_server: Any) -> None:
    def steps(page: Page) -> None:
        page.clock.install()
        sign_in(page)
        page.wait_for_selector("#result_list")
        page.clock.fast_forward(16_000)
        page.wait_for_load_state("networkidle")
        page.context.set_offline(True)
        page.clock.fast_forward(14 * MINUTE)
        assert page.locator(".noc-cover").count() == 0
        page.clock.fast_forward(2 * MINUTE)
        page.wait_for_selector(".noc-cover")
        page.context.set_offline(False)

    complaints = visit(f"{live_server.url}/admin/accounts/user/", steps)
    assert {each for each in complaints if "ERR_INTERNET_DISCONNECTED" not in each} == set()


def test_the_end_of_a_session_throws_out_the_open_page(ada: User, live_server: Any) -> None:
    def steps(page: Page) -> None:
        page.clock.install()
        sign_in(page)
        page.wait_for_selector("#result_list")
        aside(
            lambda: services.revoke_all_sessions(
                ada.id, reason="admin_logout", actor=world.nobody(), at=timezone.now()
            )
        )
        page.clock.fast_forward(16_000)
        page.wait_for_selector(".noc-cover")

    assert visit(f"{live_server.url}/admin/accounts/user/", steps) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_role_is_given_and_ended_on_a_desk_and_on_a_phone(
    ada: User, live_server: Any, width: int
) -> None:
    ben = world.person("viewer", email="ben@example.com", full_name="Ben Eze")
    world.region("lagos")

    def steps(page: Page) -> None:
        sign_in(page)
        page.click("text=Give a role…")
        page.select_option("#id_role", "engineer")
        page.check("input[value=region]")
        page.fill("#id_place", "lagos")
        page.fill("#id_reason", "Stands in")
        page.click("button:has-text('Give a role')")
        row = page.locator(".noc-table tr", has_text="Lagos (region)")
        row.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing hangs out
        row.locator("text=End…").click()
        page.fill("#id_reason", "Back again")
        page.click("button:has-text('End')")
        page.wait_for_selector("text=has ended.")

    url = f"{live_server.url}/admin/accounts/user/{ben.id}/change/"
    assert visit(url, steps, viewport={"width": width, "height": 800}) == []
    assert ben.grants.filter(role="engineer", ended_at__isnull=False).count() == 1
