"""Companies: addresses with one default, counts, default companies, and refusals in plain words."""

from typing import Any

import pytest
from django.test import Client

from tests.support.admin.pages import COMPANIES, text_of
from tests.support.database.databases import Database

FIELDS = ("street_address", "zip_code", "city", "state", "country")
DEFAULTS = "SELECT id FROM addresses WHERE company_id = 1 AND is_default"


def address(number: int, key: int | None, **values: str) -> dict[str, str]:
    given = {**dict.fromkeys(FIELDS, "12345"), **values}
    given |= {"id": str(key or ""), "company": "1"}
    return {f"addresses-{number}-{name}": value for name, value in given.items()}


def save(client: Client, *addresses: dict[str, str], existing: int = 2, **values: str) -> Any:
    """Save company 1 with ``addresses``, of which ``existing`` are there already."""
    form = {"name": "Default Company", "phone": "", "email": "", "fax": "", "address": "", **values}
    form |= {"addresses-TOTAL_FORMS": str(len(addresses))}
    form |= {"addresses-INITIAL_FORMS": str(existing)}
    for one in addresses:
        form |= one
    return client.post(f"{COMPANIES}1/change/", form, follow=True)


def test_the_addresses_stand_on_the_companys_page_the_default_first(client: Client) -> None:
    page = client.get(f"{COMPANIES}1/change/")
    [inline] = page.context["inline_admin_formsets"]
    assert [form.instance.pk for form in inline.formset.initial_forms] == [31, 32]
    assert [form.instance.is_default for form in inline.formset.initial_forms] == [True, False]


def test_another_address_is_made_the_default(data: Database, client: Client) -> None:
    save(client, address(0, 31), address(1, 32, is_default="on"))
    assert data.fetch(DEFAULTS) == [(32,)]
    assert data.value("SELECT default_address_id FROM companies WHERE id = 1") == 32


def test_ticking_another_is_enough(data: Database, client: Client) -> None:
    save(client, address(0, 31, is_default="on"), address(1, 32, is_default="on"))
    assert data.fetch(DEFAULTS) == [(32,)]


def test_the_default_is_deleted_where_another_takes_its_place(
    data: Database, client: Client
) -> None:
    save(client, address(0, 31, is_default="on", DELETE="on"), address(1, 32, is_default="on"))
    assert data.fetch("SELECT id FROM addresses WHERE company_id = 1") == [(32,)]
    assert data.fetch(DEFAULTS) == [(32,)]


def test_a_new_address_is_the_companys_tenants_and_can_be_the_default(
    data: Database, client: Client
) -> None:
    save(client, address(0, 31), address(1, 32), address(2, None, city="Rome", is_default="on"))
    found = data.fetch("SELECT tenant_id, city FROM addresses WHERE is_default AND company_id = 1")
    assert found == [(1, "Rome")]


WITHOUT_ONE_DEFAULT = {
    "the default deleted": (
        [address(0, 31, is_default="on", DELETE="on"), address(1, 32)],
        "Tick the address that is to be the default",
    ),
    "two new ones": (
        [
            address(0, 31),
            address(1, 32, is_default="on"),
            address(2, None, is_default="on"),
        ],
        "Tick one address as the default, not several",
    ),
}


@pytest.mark.parametrize(
    ("addresses", "told"), WITHOUT_ONE_DEFAULT.values(), ids=WITHOUT_ONE_DEFAULT
)
def test_a_default_that_goes_needs_one_successor(
    data: Database, client: Client, addresses: list[dict[str, str]], told: str
) -> None:
    assert told in text_of(save(client, *addresses))
    assert data.fetch(DEFAULTS) == [(31,)]


def test_a_company_may_have_no_default(data: Database, client: Client) -> None:
    save(client, address(0, 31), address(1, 32))
    assert data.fetch(DEFAULTS) == []


def test_all_addresses_can_be_deleted(data: Database, client: Client) -> None:
    save(client, address(0, 31, DELETE="on"), address(1, 32, DELETE="on"))
    assert data.fetch("SELECT id FROM addresses WHERE company_id = 1") == []


def test_saving_a_company_leaves_alone_what_a_trigger_keeps(data: Database, client: Client) -> None:
    page_was_loaded_when = data.value("SELECT default_address_id FROM companies WHERE id = 1")
    data.execute("UPDATE addresses SET is_default = true WHERE id = 32")
    save(client, address(0, 31), address(1, 32, is_default="on"), phone="0123456789")
    assert page_was_loaded_when == 31
    assert data.fetch("SELECT default_address_id, phone FROM companies WHERE id = 1") == [
        (32, "0123456789")
    ]


def test_a_zip_code_too_short_is_an_error_of_the_form(data: Database, client: Client) -> None:
    shown = text_of(save(client, address(0, 31, is_default="on", zip_code="1"), address(1, 32)))
    assert "The zip code needs 3 characters or more." in shown


def test_what_a_trigger_refuses_of_an_address_is_an_error_of_the_form(
    data: Database, client: Client
) -> None:
    data.run_script("""
        CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'Address % is listed', NEW.id USING ERRCODE = '23514'; END $$;
        CREATE TRIGGER veto BEFORE UPDATE OF city ON addresses
            FOR EACH ROW EXECUTE FUNCTION veto();
    """)
    rows = address(0, 31, is_default="on", city="Bari"), address(1, 32)
    answer = save(client, *rows, phone="0123456789")
    assert "Address 31 is listed." in text_of(answer)
    assert 'value="Bari"' in answer.content.decode()
    assert data.value("SELECT phone FROM companies WHERE id = 1") is None, "all or nothing"


def test_a_name_that_the_tenant_has_already_is_an_error_of_the_form(client: Client) -> None:
    answer = save(client, address(0, 31, is_default="on"), address(1, 32), name="Empty")
    assert "already exists" in text_of(answer)
    added = client.post(
        f"{COMPANIES}add/",
        {
            "tenant": "1",
            "name": "Empty",
            "addresses-TOTAL_FORMS": "0",
            "addresses-INITIAL_FORMS": "0",
        },
    )
    assert "already exists" in text_of(added)


def test_a_company_is_added_with_its_first_address_as_the_default(
    data: Database, client: Client
) -> None:
    first = {f"addresses-0-{name}": "12345" for name in FIELDS}
    client.post(
        f"{COMPANIES}add/",
        {
            "tenant": "2",
            "name": "Vault",
            "addresses-TOTAL_FORMS": "1",
            "addresses-INITIAL_FORMS": "0",
            **first,
        },
    )
    found = data.fetch(
        "SELECT a.tenant_id, a.is_default FROM addresses a JOIN companies c "
        "ON c.id = a.company_id WHERE c.name = 'Vault' "
        "AND c.default_address_id = a.id"
    )
    assert found == [(2, True)]


def test_counts_and_default_companies_are_shown(client: Client) -> None:
    rows = {row.pk: row for row in client.get(COMPANIES).context["cl"].result_list}
    assert (rows[1].number_of_contacts, rows[1].number_of_orders) == (3, 2)
    assert (rows[4].number_of_contacts, rows[4].number_of_orders) == (0, 0)
    shown = text_of(client.get(f"{COMPANIES}?_facets=True"))
    assert "default company, in use (1)" in shown
    assert "default company, empty: can be removed (0)" in shown


def test_an_empty_default_company_says_so_and_can_be_removed(
    data: Database, client: Client
) -> None:
    data.execute("UPDATE contacts SET company_id = 2 WHERE company_id = 1 AND id <> 15")
    data.execute("DELETE FROM contacts WHERE id = 15")
    data.execute("UPDATE orders SET company_id = 2 WHERE company_id = 1")
    assert "default company, empty: can be removed (1)" in text_of(
        client.get(f"{COMPANIES}?_facets=True")
    )
    assert "empty: can be removed" in text_of(client.get(f"{COMPANIES}1/change/"))
    page = text_of(client.get(f"{COMPANIES}1/delete/"))
    assert "2 addresses will be deleted too" in page
    assert "the database will refuse them" in page
    client.post(f"{COMPANIES}1/delete/", {"post": "yes"})
    assert data.value("SELECT count(*) FROM companies WHERE id = 1") == 0
    assert data.value("SELECT count(*) FROM addresses WHERE company_id = 1") == 0


def test_deleting_a_company_with_contacts_or_orders_is_refused_with_its_reasons(
    data: Database, client: Client
) -> None:
    url = f"{COMPANIES}1/delete/"
    for answer in (client.get(url), client.post(url, {"post": "yes"})):
        assert answer.status_code == 200
        assert "3 contacts still belong to it" in text_of(answer)
        assert "2 orders still belong to it" in text_of(answer)
    listed = {"action": "delete_selected", "_selected_action": ["1", "4"], "post": "yes"}
    assert "3 contacts still belong to it" in text_of(client.post(COMPANIES, listed))
    assert data.value("SELECT count(*) FROM companies") == 4


def test_several_empty_companies_are_deleted_from_the_list(data: Database, client: Client) -> None:
    client.post(COMPANIES, {"action": "delete_selected", "_selected_action": ["4"], "post": "yes"})
    assert data.value("SELECT count(*) FROM companies WHERE id = 4") == 0


def test_a_contact_that_came_meanwhile_makes_a_message_not_a_server_error(
    data: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from companies.admin import CompanyAdmin

    monkeypatch.setattr(CompanyAdmin, "dependants", ())
    refused = "Company 1 (tenant 1) cannot be deleted: it still has contact 11 and 2 more"
    one = client.post(f"{COMPANIES}1/delete/", {"post": "yes"}, follow=True)
    assert refused in text_of(one)
    listed = {"action": "delete_selected", "_selected_action": ["1", "4"], "post": "yes"}
    several = text_of(client.post(COMPANIES, listed, follow=True))
    assert f"Nothing was changed. {refused}" in several
    data.execute("UPDATE contacts SET company_id = 2, email = NULL WHERE company_id = 1")
    with_orders = client.post(f"{COMPANIES}1/delete/", {"post": "yes"}, follow=True)
    assert "Orders still belong to this company" in text_of(with_orders)


def test_a_tenant_with_companies_is_not_deleted(data: Database, client: Client) -> None:
    answer = client.post("/admin/companies/tenant/1/delete/", {"post": "yes"})
    assert "3 companies still belong to it" in text_of(answer)
    assert data.value("SELECT count(*) FROM tenants") == 2
