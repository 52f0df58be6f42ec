"""A real browser, Chromium, on the admin: what opens it, and how its pages are waited for.

Needs Debian's packages chromium and chromium-driver; where they are missing the tests are skipped.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
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
AS_NEW: dict[str, dict[str, Any]] = {
    "Network.clearBrowserCookies": {},
    "Emulation.clearDeviceMetricsOverride": {},
    "Emulation.setScriptExecutionDisabled": {"value": False},
}
"""What a browser is told when a test has done with it; each test's server is another origin."""
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

    def _create_server(self, connections_override: Any = None) -> Any:
        server = super()._create_server(connections_override)  # type: ignore[misc]
        # How soon it hears that it is to end, in seconds.
        server.serve_forever = partial(server.serve_forever, 0.02)
        return server


@pytest.fixture
def address(data: Database, settings: Any) -> Iterator[str]:
    settings.SESSION_COOKIE_SECURE = False
    settings.CSRF_COOKIE_SECURE = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # it is quick
    User.objects.create_superuser("root", password=PASSWORD)
    server = QuietServer()
    server.daemon = True
    server.start()
    server.is_ready.wait()
    assert server.error is None
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


@pytest.fixture(scope="module")
def idle_browsers() -> Iterator[list[Any]]:
    """The browsers that no test uses just now: to start one takes longer than most tests."""
    browsers: list[Any] = []
    yield browsers
    for browser in browsers:
        browser.quit()


def new_browser() -> Any:
    """Start a browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for switch in SWITCHES:
        options.add_argument(switch)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))


def make_new(driver: Any) -> None:
    """Leave nothing in a browser of what a test did there: no tab, cookie, override or message."""
    first, *others = driver.window_handles
    for window in others:
        driver.switch_to.window(window)
        driver.close()
    driver.switch_to.window(first)
    for command, parameters in AS_NEW.items():
        driver.execute_cdp_cmd(command, parameters)
    driver.get("about:blank")
    driver.get_log("browser")


@pytest.fixture
def browse(address: str, idle_browsers: list[Any]) -> Iterator[Open]:
    """Return a function that opens a page in a browser of its own, logged in."""
    used: list[Any] = []

    def browse(page: str, *, dark: bool = False, phone: bool = False, scripts: bool = True) -> Any:
        driver = idle_browsers.pop() if idle_browsers else new_browser()
        used.append(driver)
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
    for driver in used:
        make_new(driver)
    idle_browsers.extend(used)


def find(driver: Any, selector: str) -> Any:
    return driver.find_element(By.CSS_SELECTOR, selector)


def link(driver: Any, text: str) -> Any:
    return driver.find_element(By.PARTIAL_LINK_TEXT, text)


def wait_until(driver: Any, condition: Callable[[Any], Any]) -> None:
    """Wait for a condition of the page; while one page follows another, nothing can be asked."""
    WebDriverWait(driver, 20, 0.05, ignored_exceptions=(WebDriverException,)).until(condition)


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
