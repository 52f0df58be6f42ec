"""The HTML report in a real browser, wide and narrow: nothing is clipped, nothing cut off.

Needs Debian's packages chromium and chromium-driver; where they are missing the tests are skipped.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contacts.restructuring.database.costs import TableLock
from contacts.restructuring.proof.fingerprint import Fingerprint
from contacts.restructuring.reports.html_format import report_html
from contacts.restructuring.state.unsettled import DefaultCompany
from tests.support.runs.reports import report

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (BROWSER and DRIVER), reason="Debian's chromium and chromium-driver are not installed"
    ),
]
WIDTHS = (1280, 390)
CLIPPED = """
    const outside = [];
    for (const drawing of document.querySelectorAll("svg")) {
        const box = drawing.getBoundingClientRect();
        for (const text of drawing.querySelectorAll("text")) {
            const at = text.getBoundingClientRect();
            if (at.left < box.left - 0.5 || at.right > box.right + 0.5
                || at.top < box.top - 0.5 || at.bottom > box.bottom + 0.5)
                outside.push(text.textContent);
        }
    }
    for (const cell of document.querySelectorAll("td, pre, h1, p, li, dd")) {
        const at = cell.getBoundingClientRect();
        if (at.right > window.innerWidth + 0.5) outside.push(cell.textContent);
    }
    return outside;
"""
"""The texts that do not lie within their drawing, or within the window."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for switch in ("--headless=new", "--disable-dev-shm-usage", "--no-first-run"):
        options.add_argument(switch)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.mark.parametrize("width", WIDTHS)
def test_large_numbers_and_long_names_are_whole(browser: Any, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    large = report(
        backup_path="/srv/a/folder/with/a/name/that/goes/on/backups/migration_20261127_061255",
        counts={
            "customers": 100_000_000,
            "orders": 400_000_000,
            "contacts_placed": 1_000_000,
            "orders_without_contact": 1,
        },
        seconds={"locks": 0.01, "fingerprint before": 1000.0, "migrate": 20_000.0},
        locked_seconds=21_000.0,
        locks=(TableLock("contacts_restructuringrun", "ShareUpdateExclusiveLock", 21_000.0),),
        still_in_defaults=(DefaultCompany(123_456, "A" * 60, 1_000_000, 1_000_000, created=True),),
        fingerprints_after={"orders": Fingerprint(400_000_000, "-" + "9" * 29)},
    )
    path.write_text(report_html(large), encoding="utf-8")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    browser.get(path.as_uri())

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(CLIPPED) == []
