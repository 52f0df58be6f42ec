"""In a real browser: a user is limited to a tenant, and then finds nothing of another."""

from typing import Any

from django.contrib.auth.models import Permission, User

from tests.support.admin import browser
from tests.support.admin.browser import PASSWORD, Open, find, follow
from tests.support.admin.pages import CONTACTS, ORDERS, REASSIGN
from tests.support.database.databases import Database

pytestmark = browser.NEEDS_BROWSER
address, browse, idle_browsers = browser.address, browser.browse, browser.idle_browsers
FOREIGN = ("Bijou", "Opal", "Cleo", "B-23")
MAY = ("view_contact", "view_company", "view_order", "reassign_contact", "link_order")


def log_in_as(driver: Any, address: str, name: str) -> None:
    driver.delete_all_cookies()
    driver.get(f"{address}/admin/login/?next=/admin/")
    find(driver, "#id_username").send_keys(name)
    find(driver, "#id_password").send_keys(PASSWORD)
    follow(driver, '[type="submit"]', "LOG OUT", "#logout-form")


def test_a_user_is_limited_to_a_tenant_and_finds_nothing_of_another(
    browse: Open, address: str, migrated: Database
) -> None:
    ann = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    ann.user_permissions.set(Permission.objects.filter(codename__in=MAY))
    driver = browse(f"/admin/auth/user/{ann.pk}/change/")
    find(driver, '#id_tenants_from option[value="1"]').click()
    find(driver, "#id_tenants_add, #id_tenants_add_link").click()
    follow(driver, '[name="_continue"]', "was changed successfully", ".messagelist")
    assert migrated.fetch("SELECT user_id, tenant_id FROM auth_user_tenants") == [(ann.pk, 1)]
    log_in_as(driver, address, "ann")
    for page in (
        "/admin/",
        CONTACTS,
        f"{CONTACTS}?q=cleo",
        f"{CONTACTS}13/change/",
        ORDERS,
        "/admin/companies/company/",
        f"{REASSIGN}?ids=11,13",
    ):
        driver.get(f"{address}{page}")
        shown = find(driver, "body").text
        assert "ANN" in shown, page
        assert not [text for text in FOREIGN if text in shown], page


def test_a_page_that_may_not_be_seen_leads_home_in_the_admins_own_look(
    browse: Open, address: str
) -> None:
    ann = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    ann.user_permissions.set(Permission.objects.filter(codename="view_contact"))
    driver = browse("/admin/")
    log_in_as(driver, address, "ann")
    for page, told in (
        ("/admin/companies/company/", "You may not do this"),
        ("/admin/nonsense/", "There is no such page"),
    ):
        driver.get(f"{address}{page}")
        assert find(driver, "#content h1").text == told
        follow(driver, "#content-main + p a", "Administration", "#content h1")


def test_a_right_that_is_of_no_use_says_which_other_it_takes(browse: Open, address: str) -> None:
    ann = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    may = Permission.objects.filter(codename__in=["view_contact", "reassign_contact"])
    ann.user_permissions.set(may)
    driver = browse("/admin/")
    log_in_as(driver, address, "ann")
    driver.get(f"{address}{CONTACTS}")
    assert "but not view companies, and that takes both" in find(driver, "#content .help").text
