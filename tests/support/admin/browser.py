"""A real browser, Chromium, on the admin: what opens it, and how its pages are waited for.

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

from tests.support.admin.pages import CONTACTS, ORDERS
from tests.support.database.databases import Database

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
By = pytest.importorskip("selenium.webdriver.common.by").By
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait
WebDriverException = pytest.importorskip("selenium.common").WebDriverException
staleness_of = pytest.importorskip("selenium.webdriver.support.expected_conditions").staleness_of

BROWSER = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
NEEDS_BROWSER = [
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
PAGES = (
    "/admin/",
    f"{CONTACTS}?placed=still",
    f"{CONTACTS}14/change/",
    f"{CONTACTS}14/settle-email/",
    f"{CONTACTS}reassign/?ids=11,15&company=2",
    f"{ORDERS}link/?ids=24",
    "/admin/companies/company/1/change/",
)


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


def fits_a_phone(driver: Any) -> bool:
    return bool(driver.execute_script("return document.documentElement.scrollWidth <= 390"))
