"""The admin in a real browser: Chromium, light and dark, wide and narrow, with and without scripts.

Needs Debian's packages chromium and chromium-driver; where they are missing the tests are skipped.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from django.utils import timezone

from contacts.models import RestructuringRun
from tests.support.admin_pages import CONTACTS, ORDERS
from tests.support.databases import Database

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
By = pytest.importorskip("selenium.webdriver.common.by").By
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait
WebDriverException = pytest.importorskip("selenium.common").WebDriverException

BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="Debian's chromium and chromium-driver are not installed"
)
PASSWORD = "as-long-as-it-needs-to-be"
SWITCHES = (
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--window-size=1200,900",
)
Open = Callable[..., Any]


class QuietServer(LiveServerThread):
    """Serves the admin and its static files on a free port of this machine only."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", StaticFilesHandler)


@pytest.fixture
def address(data: Database, settings: Any) -> Iterator[str]:
    settings.SESSION_COOKIE_SECURE = False
    settings.CSRF_COOKIE_SECURE = False
    User.objects.create_superuser("root", password=PASSWORD)
    server = QuietServer()
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


@pytest.fixture
def browse(address: str) -> Iterator[Open]:
    """Return a function that opens a page in a browser of its own, logged in."""
    drivers: list[Any] = []

    def browse(page: str, *, dark: bool = False, phone: bool = False, scripts: bool = True) -> Any:
        options = webdriver.ChromeOptions()
        options.binary_location = BROWSER
        for switch in SWITCHES:
            options.add_argument(switch)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        drivers.append(driver)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        if phone:
            size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        if not scripts:
            driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(f"{address}/admin/login/?next={page}")
        driver.find_element(By.NAME, "username").send_keys("root")
        driver.find_element(By.NAME, "password").send_keys(PASSWORD)
        click(driver, '[type="submit"]')
        find(driver, By.ID, "logout-form")
        return driver

    yield browse
    for driver in drivers:
        driver.quit()


def find(driver: Any, by: str, selector: str) -> Any:
    """Wait for an element, for the same reason as :func:`shows`."""
    return WebDriverWait(driver, 20).until(lambda _: driver.find_element(by, selector))


def click(driver: Any, selector: str) -> None:
    find(driver, By.CSS_SELECTOR, selector).click()


def shows(driver: Any, wanted: str, selector: str = "body") -> bool:
    """Wait until ``selector`` holds ``wanted``: the next page may still be on its way."""
    wait = WebDriverWait(driver, 20, ignored_exceptions=(WebDriverException,))
    return bool(wait.until(lambda _: wanted in driver.find_element(By.CSS_SELECTOR, selector).text))


def test_placed_contacts_are_reassigned_without_scripts(browse: Open, migrated: Database) -> None:
    driver = browse("/admin/", scripts=False)
    find(driver, By.PARTIAL_LINK_TEXT, "3 contacts still where").click()
    click(driver, 'form:has([value="reassign_to_company"]) button')
    find(driver, By.CSS_SELECTOR, "#id_q").send_keys("empt")
    click(driver, '.line [type="submit"]')
    click(driver, '.choices button[name="company"]')
    assert shows(driver, "3 contacts will move to Empty")
    click(driver, ".submit-row .default")
    assert shows(driver, "Reassigned 3 contacts to Empty; 1 order moved along", ".messagelist")
    found = migrated.fetch("SELECT id FROM contacts WHERE company_id = 4 ORDER BY id")
    assert found == [(11,), (14,), (15,)]


def test_all_across_pages_are_selected_with_scripts(browse: Open, migrated: Database) -> None:
    migrated.execute(
        "INSERT INTO contacts (tenant_id, company_id, placed_in_company_id, name) "
        "SELECT 1, 1, 1, 'Contact ' || n FROM generate_series(1, 150) AS n"
    )
    driver = browse(f"{CONTACTS}?placed=still")
    click(driver, "#action-toggle")
    click(driver, ".actions .question a")
    driver.find_element(By.CSS_SELECTOR, 'option[value="reassign_to_company"]').click()
    click(driver, '.actions [name="index"]')
    assert shows(driver, "153 contacts of Aurum selected")


def test_an_email_is_settled_on_a_phone(browse: Open, migrated: Database) -> None:
    driver = browse(f"{CONTACTS}14/change/", phone=True, dark=True)
    find(driver, By.PARTIAL_LINK_TEXT, "SETTLE E-MAIL").click()
    assert shows(driver, "Ada (contact 11)", ".conflict")
    click(driver, '[name="decision"][value="change"]')
    find(driver, By.NAME, "email").send_keys("dan@example.com")
    click(driver, ".submit-row .default")
    assert shows(driver, "is settled", ".messagelist")
    assert migrated.value("SELECT email FROM contacts WHERE id = 14") == "dan@example.com"


def test_an_order_is_linked_by_a_persons_choice(browse: Open, migrated: Database) -> None:
    migrated.execute("UPDATE orders SET customer_email = 'BEN@example.com' WHERE id = 24")
    driver = browse(f"{ORDERS}24/change/", scripts=False)
    find(driver, By.PARTIAL_LINK_TEXT, "LINK TO A CONTACT").click()
    click(driver, '[name="order_24"][value="12:2"]')
    click(driver, ".submit-row .default")
    assert shows(driver, "Linked 1 order.", ".messagelist")
    assert migrated.fetch("SELECT contact_id, company_id FROM orders WHERE id = 24") == [(12, 2)]


PAGES = (
    "/admin/",
    f"{CONTACTS}?placed=still",
    f"{CONTACTS}14/change/",
    f"{CONTACTS}14/settle-email/",
    f"{CONTACTS}reassign/?ids=11,15&company=2",
    f"{ORDERS}link/?ids=24",
    "/admin/companies/company/1/change/",
)


def test_the_dashboard_stands_in_its_own_frame_and_leaves_the_page_alone(browse: Open) -> None:
    driver = browse("/admin/", phone=True)
    frame = find(driver, By.CSS_SELECTOR, "section[aria-labelledby='dashboard-title']")
    assert frame.value_of_css_property("border-top-width") == "1px"
    page = driver.find_element(By.TAG_NAME, "body")
    assert page.value_of_css_property("border-top-width") == "0px"
    assert page.value_of_css_property("padding-top") == "0px"


def test_the_tools_of_a_list_stand_in_line_on_a_phone(browse: Open) -> None:
    driver = browse(CONTACTS, phone=True)
    find(driver, By.CSS_SELECTOR, ".object-tools li + li")
    tools = driver.find_elements(By.CSS_SELECTOR, ".object-tools li")
    assert {tool.value_of_css_property("margin-left") for tool in tools} == {"0px"}


def fits_a_phone(driver: Any) -> bool:
    return bool(driver.execute_script("return document.documentElement.scrollWidth <= 390"))


def test_pages_fit_a_phone_and_are_dark_where_that_is_asked_for(browse: Open, address: str) -> None:
    digests = {name: {"rows": 1, "digest": "1234567890" * 6} for name in ("orders", "tenants")}
    run = RestructuringRun.objects.create(
        kind=RestructuringRun.Kind.MIGRATION,
        transaction_id=1,
        started_at=timezone.now(),
        backup_path="/srv/backups/" + "x" * 80,
        fingerprints={"before": digests},
    )
    driver = browse("/admin/", dark=True, phone=True)
    for page in (*PAGES, f"/admin/contacts/restructuringrun/{run.pk}/change/"):
        driver.get(f"{address}{page}")
        # The browser first lays a page out for a wide screen, until it has read its viewport.
        WebDriverWait(driver, 20).until(fits_a_phone, page)
        colour = "return getComputedStyle(document.body).backgroundColor"
        assert driver.execute_script(colour) == "rgb(18, 18, 18)", page
        told = [entry["message"] for entry in driver.get_log("browser")]
        assert [message for message in told if "favicon.ico" not in message] == [], page
