"""The admin in a real browser: light and dark, wide and narrow, with and without scripts."""

from django.utils import timezone

from contacts.models import RestructuringRun
from tests.support.admin import browser
from tests.support.admin.browser import By, Open, find, follow, link, shows, wait_until
from tests.support.admin.pages import CONTACTS, ORDERS
from tests.support.database.databases import Database

pytestmark = browser.NEEDS_BROWSER
address, browse, idle_browsers = browser.address, browser.browse, browser.idle_browsers


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
    for page in (*browser.PAGES, f"/admin/contacts/restructuringrun/{run.pk}/change/"):
        driver.get(f"{address}{page}")
        # The browser first lays a page out for a wide screen, until it has read its viewport.
        wait_until(driver, browser.fits_a_phone)
        colour = "return getComputedStyle(document.body).backgroundColor"
        assert driver.execute_script(colour) == "rgb(18, 18, 18)", page
        told = [entry["message"] for entry in driver.get_log("browser")]
        assert [message for message in told if "favicon.ico" not in message] == [], page
