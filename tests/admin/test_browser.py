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
from tests.support.admin.pages import CONTACTS, ORDERS
from tests.support.database.databases import Database

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
By = pytest.importorskip("selenium.webdriver.common.by").By
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait
WebDriverException = pytest.importorskip("selenium.common").WebDriverException
staleness_of = pytest.importorskip("selenium.webdriver.support.expected_conditions").staleness_of

BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="Debian's chromium and chromium-driver are not installed"
    ),
]
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
        follow(driver, '[type="submit"]', "LOG OUT", "#logout-form")
        return driver

    yield browse
    for driver in drivers:
        driver.quit()


def find(driver: Any, selector: str) -> Any:
    return driver.find_element(By.CSS_SELECTOR, selector)


def link(driver: Any, text: str) -> Any:
    return driver.find_element(By.PARTIAL_LINK_TEXT, text)


def wait_until(driver: Any, condition: Callable[[Any], Any]) -> None:
    """Wait for a condition of the page; while one page follows another, nothing can be asked."""
    WebDriverWait(driver, 20, ignored_exceptions=(WebDriverException,)).until(condition)


def shows(wanted: str, selector: str = "body") -> Callable[[Any], bool]:
    """The condition that ``selector`` holds ``wanted``."""
    return lambda driver: wanted in find(driver, selector).text


def is_whole(driver: Any) -> bool:
    """The condition that the page was read to its end, and its scripts have run."""
    return bool(driver.execute_script("return document.readyState") == "complete")


def follow(driver: Any, way: Any, wanted: str, selector: str = "body") -> None:
    """Click what leads to another page; wait until that page is there, and holds ``wanted``.

    A click may come back while the old page still stands: what is found then is soon gone, or
    belongs to the wrong page. Parameters: way, an element, or the selector of one.
    """
    page = find(driver, "html")
    (find(driver, way) if isinstance(way, str) else way).click()
    wait_until(driver, staleness_of(page))
    wait_until(driver, shows(wanted, selector))
    wait_until(driver, is_whole)


def test_placed_contacts_are_reassigned_without_scripts(browse: Open, migrated: Database) -> None:
    driver = browse("/admin/", scripts=False)
    follow(driver, link(driver, "3 contacts still where"), "Dan", "#result_list")
    follow(driver, 'form:has([value="reassign_to_company"]) button', "Ring & Co", ".choices")
    find(driver, "#id_q").send_keys("empt")
    follow(driver, '.line [type="submit"]', "Empty", ".choices")
    assert "Ring & Co" not in find(driver, ".choices").text
    follow(driver, '.choices button[name="company"]', "3 contacts will move to Empty")
    told = "Reassigned 3 contacts to Empty; 1 order moved along"
    follow(driver, ".submit-row .default", told, ".messagelist")
    found = migrated.fetch("SELECT id FROM contacts WHERE company_id = 4 ORDER BY id")
    assert found == [(11,), (14,), (15,)]


def test_all_across_pages_are_selected_with_scripts(browse: Open, migrated: Database) -> None:
    migrated.execute(
        "INSERT INTO contacts (tenant_id, company_id, placed_in_company_id, name) "
        "SELECT 1, 1, 1, 'Contact ' || n FROM generate_series(1, 150) AS n"
    )
    driver = browse(f"{CONTACTS}?placed=still")
    find(driver, "#action-toggle").click()
    find(driver, ".actions .question a").click()
    wait_until(driver, shows("All 153 selected", ".actions .all"))
    find(driver, 'option[value="reassign_to_company"]').click()
    follow(driver, '.actions [name="index"]', "153 contacts of Aurum selected")


def test_an_email_is_settled_on_a_phone(browse: Open, migrated: Database) -> None:
    driver = browse(f"{CONTACTS}14/change/", phone=True, dark=True)
    follow(driver, link(driver, "SETTLE E-MAIL"), "Ada (contact 11)", ".conflict")
    find(driver, '[name="decision"][value="change"]').click()
    find(driver, '[name="email"]').send_keys("dan@example.com")
    follow(driver, ".submit-row .default", "is settled", ".messagelist")
    assert migrated.value("SELECT email FROM contacts WHERE id = 14") == "dan@example.com"


def test_an_order_is_linked_by_a_persons_choice(browse: Open, migrated: Database) -> None:
    migrated.execute("UPDATE orders SET customer_email = 'BEN@example.com' WHERE id = 24")
    driver = browse(f"{ORDERS}24/change/", scripts=False)
    follow(driver, link(driver, "LINK TO A CONTACT"), "walk-in")
    find(driver, '[name="order_24"][value="12:2"]').click()
    follow(driver, ".submit-row .default", "Linked 1 order.", ".messagelist")
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
    frame = find(driver, "section[aria-labelledby='dashboard-title']")
    assert frame.value_of_css_property("border-top-width") == "1px"
    page = find(driver, "body")
    assert page.value_of_css_property("border-top-width") == "0px"
    assert page.value_of_css_property("padding-top") == "0px"


def test_the_tools_of_a_list_stand_in_line_on_a_phone(browse: Open) -> None:
    driver = browse(CONTACTS, phone=True)
    tools = driver.find_elements(By.CSS_SELECTOR, ".object-tools li")
    assert len(tools) > 1
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
        wait_until(driver, fits_a_phone)
        colour = "return getComputedStyle(document.body).backgroundColor"
        assert driver.execute_script(colour) == "rgb(18, 18, 18)", page
        told = [entry["message"] for entry in driver.get_log("browser")]
        assert [message for message in told if "favicon.ico" not in message] == [], page
