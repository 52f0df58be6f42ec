"""Nobody without the permission sees or does any of it: in lists, actions, exports, or by URL."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from tests.support.admin.pages import (
    COMPANIES,
    CONTACTS,
    LINK,
    ORDERS,
    REASSIGN,
    client_of,
    confirm,
    text_of,
)
from tests.support.database.databases import Database

SETTLE = f"{CONTACTS}14/settle-email/"
VIEW_ALL = ("contacts.view_contact", "companies.view_company", "orders.view_order")


def state(data: Database) -> list[Any]:
    return [
        data.fetch(f"SELECT * FROM {table} ORDER BY id")
        for table in ("contacts", "orders", "companies", "addresses", "django_admin_log")
    ]


def action(name: str, key: str = "11") -> dict[str, str]:
    return {"action": name, "_selected_action": key, "index": "0"}


PAGES = {
    CONTACTS: "contacts.view_contact",
    f"{CONTACTS}11/change/": "contacts.view_contact",
    f"{CONTACTS}11/history/": "contacts.view_contact",
    f"{CONTACTS}11/delete/": "contacts.delete_contact",
    ORDERS: "orders.view_order",
    f"{ORDERS}24/change/": "orders.view_order",
    f"{ORDERS}24/delete/": "orders.delete_order",
    COMPANIES: "companies.view_company",
    f"{COMPANIES}2/change/": "companies.view_company",
    f"{COMPANIES}4/delete/": "companies.delete_company",
    "/admin/companies/tenant/": "companies.view_tenant",
    "/admin/contacts/restructuringrun/": "contacts.view_restructuringrun",
}


@pytest.mark.parametrize(("page", "permission"), PAGES.items())
def test_a_page_opens_with_its_permission_and_not_without(
    data: Database, page: str, permission: str
) -> None:
    app, codename = permission.split(".")
    others = sorted({*PAGES.values()} - {permission})
    if codename.startswith("view_"):
        others = [name for name in others if not name.startswith(f"{app}.")]
    assert client_of(*others).get(page).status_code == 403
    assert client_of(permission).get(page).status_code == 200


SPECIAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "reassign": (
        f"{REASSIGN}?ids=11",
        ("contacts.view_contact", "contacts.reassign_contact", "companies.view_company"),
    ),
    "settle": (SETTLE, ("contacts.view_contact", "contacts.settle_contact")),
    "link": (
        f"{LINK}?ids=24",
        ("orders.view_order", "orders.link_order", "contacts.view_contact"),
    ),
    "add a contact": (f"{CONTACTS}add/", ("contacts.add_contact", "companies.view_company")),
    "add an order": (
        f"{ORDERS}add/",
        ("orders.add_order", "companies.view_company", "contacts.view_contact"),
    ),
}


@pytest.mark.parametrize(("url", "needed"), SPECIAL.values(), ids=SPECIAL)
def test_a_page_that_acts_needs_every_one_of_its_permissions(
    data: Database, url: str, needed: tuple[str, ...]
) -> None:
    assert client_of(*needed).get(url).status_code == 200
    for missing in needed:
        client = client_of(*(name for name in needed if name != missing))
        assert client.get(url).status_code == 403, missing
        assert client.post(url).status_code == 403, missing


def test_the_anonymous_and_those_who_are_no_staff_are_sent_to_log_in(data: Database) -> None:
    customer = Client()
    customer.force_login(User.objects.create(username="customer", is_superuser=True))
    before = state(data)
    for client in (Client(), customer):
        for url in (*PAGES, *(url for url, _ in SPECIAL.values())):
            for answer in (client.get(url), client.post(url, action("export_as_csv"))):
                assert answer.status_code == 302
                assert answer.headers["Location"].startswith("/admin/login/")
    assert state(data) == before


def test_viewers_are_offered_no_action_and_a_forged_one_does_nothing(data: Database) -> None:
    client = client_of(*VIEW_ALL)
    before = state(data)
    for url, names in {
        CONTACTS: ("reassign_to_company", "export_as_csv", "delete_selected"),
        ORDERS: ("link_to_contact", "export_as_csv", "delete_selected"),
        COMPANIES: ("export_as_csv", "delete_selected"),
    }.items():
        shown = client.get(url).content.decode()
        for name in names:
            assert f'value="{name}"' not in shown
            answer = client.post(url, {**action(name), "post": "yes"})
            assert answer.headers["Content-Type"].startswith("text/html"), name
    assert state(data) == before


def test_viewers_find_no_button_on_a_contact_or_an_order(data: Database) -> None:
    client = client_of(*VIEW_ALL)
    contact, order = client.get(f"{CONTACTS}14/change/"), client.get(f"{ORDERS}24/change/")
    assert "Reassign to company" not in text_of(contact)
    assert "Settle e-mail" not in text_of(contact)
    assert "Link to a contact" not in text_of(order)


EXPORTS = {
    CONTACTS: ("contacts.view_contact", "contacts.export_contact"),
    ORDERS: ("orders.view_order", "orders.export_order"),
    COMPANIES: ("companies.view_company", "companies.export_company"),
}


@pytest.mark.parametrize(("url", "needed"), EXPORTS.items())
def test_an_export_needs_its_permission_and_viewing(
    data: Database, url: str, needed: tuple[str, str]
) -> None:
    view, export = needed
    chosen = {**action("export_as_csv", "0"), "select_across": "1"}
    exported: Any = client_of(view, export).post(url, chosen)
    exported.close()
    assert exported.headers["Content-Type"].startswith("text/csv")
    assert not client_of(view).post(url, chosen).headers["Content-Type"].startswith("text/csv")
    assert client_of(export).post(url, chosen).status_code == 403


def test_a_permission_that_is_of_no_use_without_another_says_so(data: Database) -> None:
    reassigns = ("contacts.view_contact", "contacts.reassign_contact")
    links = ("orders.view_order", "orders.link_order")
    told = "that takes both. Whoever administers the users can give you"
    assert told in text_of(client_of(*reassigns).get(CONTACTS))
    assert told in text_of(client_of(*links).get(ORDERS))
    assert told not in text_of(client_of(*reassigns, "companies.view_company").get(CONTACTS))
    assert told not in text_of(client_of(*links, "contacts.view_contact").get(ORDERS))
    assert told not in text_of(client_of("contacts.view_contact").get(CONTACTS))


def test_permissions_of_the_legacy_model_are_not_offered(data: Database) -> None:
    Permission.objects.create(
        codename="change_customer",
        name="Can change customer",
        content_type=Permission.objects.get(codename="view_contact").content_type,
    )
    client = client_of(superuser=True)
    for page in (f"/admin/auth/user/{User.objects.get().pk}/change/", "/admin/auth/group/add/"):
        shown = client.get(page).content.decode()
        assert "Can view contact" in shown
        assert "Can change customer" not in shown


def test_lists_of_users_take_only_the_filters_that_they_offer(data: Database) -> None:
    client = client_of(superuser=True)
    assert client.get("/admin/auth/user/?is_staff__exact=1").status_code == 200
    assert client.get("/admin/auth/user/?username__regex=(").status_code == 400
    assert client.get("/admin/auth/group/?name__regex=(").status_code == 400


def test_what_is_refused_or_missing_is_said_in_the_admins_own_look(data: Database) -> None:
    client = client_of("contacts.view_contact")
    for page, status, told in (
        (COMPANIES, 403, "Your permissions do not allow this."),
        (f"{CONTACTS}reassign/?ids=11", 403, "Your permissions do not allow this."),
        ("/admin/nonsense/", 404, "There is no such page"),
    ):
        answer = client.get(page)
        assert answer.status_code == status, page
        assert told in text_of(answer)
        assert 'href="/admin/"' in answer.content.decode()


def test_a_form_that_has_outlived_its_session_says_so(data: Database) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/admin/login/", {"username": "x", "password": "x"})
    assert answer.status_code == 403
    assert "was opened before you logged in" in text_of(answer)


def test_a_permission_taken_away_counts_at_the_moment_of_acting(data: Database) -> None:
    _, needed = SPECIAL["reassign"]
    client = client_of(*needed)
    page = client.get(REASSIGN, {"ids": "11", "company": "2"})
    User.objects.get().user_permissions.clear()
    before = state(data)
    assert confirm(client, page).status_code == 403
    assert state(data) == before


def test_changing_a_contact_is_no_right_to_move_it(data: Database) -> None:
    client = client_of("contacts.change_contact", "companies.view_company")
    assert client.get(f"{REASSIGN}?ids=11").status_code == 403
    client.post(f"{CONTACTS}11/change/", {"name": "Ada", "email": "", "phone": "", "company": "2"})
    assert data.value("SELECT company_id FROM contacts WHERE id = 11") == 1


def test_a_viewer_of_a_company_cannot_write_its_addresses(data: Database) -> None:
    client = client_of("companies.change_company")
    page = client.get(f"{COMPANIES}1/change/")
    assert page.context["inline_admin_formsets"] == []
    before = state(data)
    client.post(
        f"{COMPANIES}1/change/",
        {
            "name": "Default Company",
            "addresses-TOTAL_FORMS": "1",
            "addresses-INITIAL_FORMS": "1",
            "addresses-0-id": "31",
            "addresses-0-company": "1",
            "addresses-0-DELETE": "on",
        },
    )
    assert state(data)[3] == before[3]


def test_deleting_a_company_with_addresses_needs_the_right_to_delete_those(data: Database) -> None:
    data.execute(
        "INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code) "
        "VALUES (1, 4, 'x', 'x', 'x', '12345')"
    )
    url = f"{COMPANIES}4/delete/"
    assert client_of("companies.delete_company").post(url, {"post": "yes"}).status_code == 403
    client_of("companies.delete_company", "companies.delete_address").post(url, {"post": "yes"})
    assert data.value("SELECT count(*) FROM companies WHERE id = 4") == 0


@pytest.mark.parametrize("model", ["company", "tenant", "contact"])
def test_the_autocomplete_gives_away_nothing(data: Database, model: str) -> None:
    asked = {"term": "a", "app_label": "contacts", "model_name": "contact", "field_name": model}
    for client in (client_of(), client_of("contacts.change_contact")):
        assert client.get("/admin/autocomplete/", asked).status_code == 403


def test_a_forged_request_from_another_site_is_refused(data: Database) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    before = state(data)
    for url in (f"{REASSIGN}?ids=11", SETTLE, f"{LINK}?ids=24", CONTACTS):
        assert strict.post(url, action("export_as_csv")).status_code == 403
    assert state(data) == before
