"""A long afternoon in a real browser: the place is kept, and nothing is written over."""

from typing import Any

import pytest

from tests.support.admin import browser
from tests.support.admin.browser import PASSWORD, Open, find, follow
from tests.support.admin.pages import COMPANIES, CONTACTS, ORDERS
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import SIX

pytestmark = browser.NEEDS_BROWSER
address, browse, idle_browsers = browser.address, browser.browse, browser.idle_browsers


def tick(driver: Any, *keys: int) -> None:
    for key in keys:
        find(driver, f'[name="_selected_action"][value="{key}"]').click()


def act(driver: Any, action: str, wanted: str) -> None:
    find(driver, f'.actions option[value="{action}"]').click()
    follow(driver, '.actions [name="index"]', wanted)


def query_of(driver: Any) -> str:
    return str(driver.current_url).partition("?")[2]


def test_the_list_is_where_it_was_after_a_reassignment(browse: Open, migrated: Database) -> None:
    driver = browse(f"{CONTACTS}?placed=still%26o=-1")
    tick(driver, 15)
    act(driver, "reassign_to_company", "Choose the company")
    follow(driver, '.choices button[value="4"]', "1 contact will move to Empty")
    follow(driver, ".submit-row .default", "Reassigned 1 contact to Empty", ".messagelist")
    assert query_of(driver) == "placed=still&o=-1"
    assert migrated.value("SELECT company_id FROM contacts WHERE id = 15") == 4


def test_six_orders_are_linked_on_one_page_with_a_search_in_between(
    browse: Open, migrated: Database
) -> None:
    migrated.execute(SIX)
    driver = browse(f"{ORDERS}?contact=none%26o=-1")
    tick(driver, 24, *range(301, 307))
    act(driver, "link_to_contact", "7 of the selected orders have no contact")
    for key in range(301, 307):
        find(driver, f'[name="order_{key}"][value="{key - 100}:2"]').click()
    find(driver, "#id_q_24").send_keys("ben@")
    follow(driver, '#id_q_24 + [name="search"]', "found by your search")
    find(driver, '[name="order_24"][value="12:2"]').click()
    follow(driver, ".submit-row .default", "Linked 7 orders.", ".messagelist")
    assert query_of(driver) == "contact=none&o=-1"
    assert migrated.value("SELECT count(*) FROM orders WHERE contact_id IS NULL") == 0


def test_a_session_that_ends_comes_back_with_the_rows_ticked(browse: Open) -> None:
    driver = browse(f"{CONTACTS}?placed=still")
    tick(driver, 11, 15)
    driver.delete_cookie("sessionid")
    act(driver, "reassign_to_company", "Password")
    find(driver, "#id_username").send_keys("root")
    find(driver, "#id_password").send_keys(PASSWORD)
    follow(driver, '[type="submit"]', "2 of 3 selected", ".actions")


def test_the_second_tab_is_told_what_the_first_has_saved(browse: Open, address: str) -> None:
    driver = browse(f"{CONTACTS}12/change/")
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    driver.get(f"{address}{CONTACTS}12/change/")
    rename(driver, "Benedict", "was changed successfully")
    driver.switch_to.window(first)
    rename(driver, "Benjamin", "Changed meanwhile by root at")
    assert "Benedict" in find(driver, ".errorlist").text
    follow(driver, '[name="_continue"]', "was changed successfully", ".messagelist")
    assert find(driver, "#id_name").get_attribute("value") == "Benjamin"


def rename(driver: Any, name: str, wanted: str) -> None:
    field = find(driver, "#id_name")
    field.clear()
    field.send_keys(name)
    follow(driver, '[name="_continue"]', wanted)


def test_companies_are_proposed_and_accepted(browse: Open, migrated: Database) -> None:
    migrated.execute("UPDATE companies SET email = 'info@empty.example' WHERE id = 4")
    migrated.execute("UPDATE contacts SET email = 'eve@empty.example' WHERE id = 15")
    driver = browse(f"{CONTACTS}?placed=still")
    follow(driver, 'form:has([value="propose_companies"]) button', "same e-mail domain")
    find(driver, '[name="contact_15"][value="1:4"]').click()
    follow(driver, ".submit-row .default", "Reassigned 1 contact.", ".messagelist")
    assert migrated.value("SELECT company_id FROM contacts WHERE id = 15") == 4


def test_tenants_are_found_by_a_search_in_the_list(browse: Open) -> None:
    driver = browse(f"{CONTACTS}?o=1")
    find(driver, '#changelist-filter [name="tenant"]').send_keys("bij")
    follow(driver, '#changelist-filter [type="submit"]', "1 contact", ".paginator")
    assert "tenant=bij" in query_of(driver)


def test_no_page_says_an_error_to_the_console(browse: Open, address: str) -> None:
    driver = browse("/admin/")
    for page in browser.PAGES:
        driver.get(f"{address}{page}")
        told = [entry["message"] for entry in driver.get_log("browser")]
        assert told == [], page


@pytest.mark.parametrize("page", ["/admin/", CONTACTS, ORDERS, f"{CONTACTS}12/change/"])
def test_nothing_is_cut_at_a_desktops_width(browse: Open, page: str) -> None:
    driver = browse(page)
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    wide = "return [...document.querySelectorAll('.results, html')]"
    wide += ".filter(one => one.scrollWidth > one.clientWidth + 1).length"
    assert driver.execute_script(wide) == 0


LONG = """
UPDATE tenants SET name = 'Goldschmiede am Dom' WHERE id = 1;
UPDATE companies SET name = 'Halcyon Cathedral Supplies', email = 'einkauf.zentral@c408.example'
 WHERE id = 2;
UPDATE contacts SET name = 'Wilhelmina Featherstonehaugh', phone = '+44 (0)121 496 0100',
       email = 'wilhelmina.featherstonehaugh1610@c2.example',
       email_set_aside = 'w.featherstonehaugh@halcyon-cathedral-supplies.example' WHERE id = 12;
UPDATE orders SET order_number = 'JM-2021-000011250', customer_name = 'Wilhelmina Featherstone',
       customer_email = 'wilhelmina.featherstone1610@c2.example', price = 23818.95,
       due_date = '2022-09-11 14:30', status = 'IN_PROGRESS' WHERE id = 22;
"""
BROKEN_WORDS = r"""
const broken = [];
for (const cell of document.querySelectorAll('#result_list td, #result_list th')) {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    for (const word of text.data.matchAll(/[^\s@._\/-]+/g)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map(one => Math.round(one.top)));
      if (lines.size > 1) broken.push(word[0]);
    }
  }
}
return broken;
"""


@pytest.mark.parametrize("page", [CONTACTS, ORDERS, COMPANIES])
def test_no_word_is_broken_and_no_column_cut_at_a_desktops_width(
    browse: Open, migrated: Database, page: str
) -> None:
    migrated.execute(LONG)
    driver = browse(page)
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert driver.execute_script(BROKEN_WORDS) == []
    beyond = "const list = document.querySelector('.results');"
    assert driver.execute_script(f"{beyond} return list.scrollWidth - list.clientWidth") <= 1
