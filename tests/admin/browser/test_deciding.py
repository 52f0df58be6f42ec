"""Settling faster in a real browser: decisions of many kinds, undone again; forms that help."""

from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User

from contacts.models import Contact
from tests.admin.browser.test_settling import act, tick
from tests.support.admin import browser
from tests.support.admin.browser import Open, find, follow, link, shows, wait_until
from tests.support.admin.pages import COMPANIES, CONTACTS, LINK, ORDERS, REASSIGN
from tests.support.database.databases import Database

pytestmark = browser.NEEDS_BROWSER
address, browse, idle_browsers = browser.address, browser.browse, browser.idle_browsers
PLACE = "SELECT contact_id, company_id FROM orders WHERE id = 24"


def undo(driver: Any, told: str) -> None:
    follow(driver, link(driver, "Undo…"), told)
    follow(driver, ".submit-row .default", "Undone:", ".messagelist")


def test_the_best_proposals_are_accepted_at_once_and_undone(
    browse: Open, migrated: Database
) -> None:
    migrated.execute("UPDATE companies SET email = 'info@empty.example' WHERE id = 4")
    migrated.execute("UPDATE contacts SET email = id || '@empty.example' WHERE id IN (11, 15)")
    driver = browse(f"{CONTACTS}propose/?filters=placed%253Dstill", scripts=False)
    follow(driver, link(driver, "Tick the best proposal"), "The best proposal of each is ticked")
    follow(driver, ".submit-row .default", "Reassigned 3 contacts.", ".messagelist")
    where = "SELECT company_id FROM contacts WHERE id IN (11, 14, 15) ORDER BY id"
    assert migrated.fetch(where) == [(4,), (2,), (4,)]
    undo(driver, "Reassigned 3 contacts as proposed.")
    assert migrated.fetch(where) == [(1,), (1,), (1,)]


def test_a_walk_in_leaves_the_list(browse: Open, migrated: Database) -> None:
    driver = browse(f"{ORDERS}?contact=none")
    tick(driver, 24)
    act(driver, "mark_as_wanting_none", "1 order marked as wanting no contact")
    assert "0 orders" in find(driver, ".paginator").text
    undo(driver, "1 order marked")
    assert migrated.value("SELECT count(*) FROM settling_nocontactwanted") == 0


def test_a_contact_is_made_while_linking_on_a_phone(browse: Open, migrated: Database) -> None:
    driver = browse(f"{LINK}?ids=24", phone=True)
    find(driver, "summary").click()
    find(driver, '[name="order_24"][value="new"]').click()
    for field, text in {"name": "Zoe", "email": "zoe@example.com", "company": "empty"}.items():
        box = find(driver, f"#id_{field}_24")
        box.clear()
        box.send_keys(text)
    follow(driver, ".submit-row .default", "Did you mean “Empty”?", ".errorlist")
    assert find(driver, "#id_name_24").get_attribute("value") == "Zoe"
    box = find(driver, "#id_company_24")
    box.clear()
    box.send_keys("Empty")
    follow(driver, ".submit-row .default", "made 1 contact", ".messagelist")
    made = migrated.value("SELECT id FROM contacts WHERE name = 'Zoe' AND company_id = 4")
    assert migrated.fetch(PLACE) == [(made, 4)]


def test_a_company_of_nearly_that_name_is_asked_about(browse: Open, migrated: Database) -> None:
    driver = browse(f"{REASSIGN}?ids=11")
    find(driver, "#id_new_company").send_keys("EMPTY")
    follow(driver, '#id_new_company + [type="submit"]', "Is it one of these?")
    follow(driver, "section[aria-labelledby='alike-title'] button", "1 contact will move to Empty")
    follow(driver, ".submit-row .default", "Reassigned 1 contact to Empty", ".messagelist")
    assert migrated.value("SELECT count(*) FROM companies WHERE name ILIKE 'empty'") == 1


def test_two_that_are_one_are_merged_and_come_apart_from_the_history(
    browse: Open, migrated: Database
) -> None:
    driver = browse(CONTACTS)
    tick(driver, 12, 15)
    act(driver, "merge_contacts", "Its name")
    find(driver, '[name="keep"][value="12"]').click()
    follow(driver, '[value="Show what will happen"]', "Eve (15) of Default Company goes")
    follow(driver, '[value="Merge the two"]', "Merged contact 15", ".messagelist")
    assert migrated.value("SELECT count(*) FROM contacts WHERE id = 15") == 0
    driver.get(driver.current_url.partition("?")[0] + "12/history/")
    undo(driver, "Merged contact 15")
    assert migrated.value("SELECT company_id FROM contacts WHERE id = 15") == 1


def choose(driver: Any, field: str, typed: str, wanted: str) -> None:
    """Type into a field that names another row, and choose what it finds."""
    find(driver, f".field-{field} .select2-selection").click()
    find(driver, ".select2-search__field").send_keys(typed)
    wait_until(driver, shows(wanted, ".select2-results__option--highlighted"))
    find(driver, ".select2-results__option--highlighted").click()
    wait_until(driver, shows(wanted, f".field-{field} .select2-selection"))


def test_an_order_is_added_by_typing_names(browse: Open, migrated: Database) -> None:
    driver = browse(f"{ORDERS}add/")
    find(driver, "#id_order_number").send_keys("A-50")
    choose(driver, "company", "ring", "Ring & Co (Aurum)")
    choose(driver, "contact", "ben ring", "Ben, ben@example.com, of Ring & Co (Aurum)")
    follow(driver, '[name="_save"]', "was added successfully", ".messagelist")
    found = "SELECT contact_id, company_id FROM orders WHERE order_number = 'A-50'"
    assert migrated.fetch(found) == [(12, 2)]


def test_the_settle_page_loses_nothing_that_was_typed(browse: Open, migrated: Database) -> None:
    driver = browse(f"{CONTACTS}14/settle-email/")
    offered = driver.find_elements("css selector", '[name="decision"]')
    assert [one.get_attribute("value") for one in offered] == ["change", "drop"]
    find(driver, '[name="decision"][value="drop"]').click()
    find(driver, '[name="email"]').send_keys("dan@example.com")
    follow(driver, ".submit-row .default", "You have typed another e-mail")
    assert find(driver, '[name="email"]').get_attribute("value") == "dan@example.com"


def test_an_address_is_started_from_the_free_text(browse: Open, migrated: Database) -> None:
    migrated.execute("UPDATE companies SET address = E'5 Ruby Row\\n1050 Brussels' WHERE id = 4")
    driver = browse(f"{COMPANIES}4/change/")
    street = find(driver, "#id_addresses-0-street_address")
    assert street.get_attribute("value") == "5 Ruby Row, 1050 Brussels"
    parts = {"street_address": "5 Ruby Row", "zip_code": "1050", "city": "Brussels"}
    for field, text in {**parts, "country": "Belgium"}.items():
        box = find(driver, f"#id_addresses-0-{field}")
        box.clear()
        box.send_keys(text)
    follow(driver, '[name="_save"]', "was changed successfully", ".messagelist")
    found = "SELECT street_address, city, state, zip_code FROM addresses WHERE company_id = 4"
    assert migrated.fetch(found) == [("5 Ruby Row", "Brussels", "", "1050")]


LONG = """
UPDATE contacts SET email = 'wilhelmina.featherstonehaugh1610@halcyon-cathedral-supplies.example',
       email_set_aside = 'w.featherstonehaugh@halcyon-cathedral-supplies.example' WHERE id = 12;
UPDATE orders SET customer_email = 'wilhelmina.featherstonehaugh1610@halcyon-cathedral.example'
 WHERE id = 24;
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_new_pages_fit_a_phone(
    browse: Open, address: str, migrated: Database, dark: bool
) -> None:
    migrated.execute(LONG)
    root = User.objects.get()
    LogEntry.objects.log_actions(
        root.pk, [Contact.objects.get(pk=12)], CHANGE, f"Dropped: {'x' * 60}@example.com."
    )
    driver = browse(f"{CONTACTS}merge/?ids=12,15%26keep=12", phone=True, dark=dark)
    pages = (
        f"{CONTACTS}merge/?ids=12,15&keep=12",
        f"{REASSIGN}?ids=11&new_company=EMPTY",
        f"{LINK}?ids=24",
        f"{ORDERS}add/",
        f"{CONTACTS}add/",
        f"{CONTACTS}12/history/",
        f"{CONTACTS}12/settle-email/",
    )
    for page in pages:
        driver.get(f"{address}{page}")
        wait_until(driver, browser.fits_a_phone)
        told = [entry["message"] for entry in driver.get_log("browser")]
        assert [one for one in told if "400 (Bad Request)" not in one] == [], page
