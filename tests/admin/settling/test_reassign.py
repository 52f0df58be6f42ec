"""Reassigning contacts to another company: what is shown is what happens, or nothing does."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.html import strip_tags

from tests.support.admin.pages import (
    CONTACTS,
    REASSIGN,
    client_of,
    confirm,
    ended_of,
    text_of,
)
from tests.support.database.databases import Database


@pytest.fixture
def client(data: Database) -> Client:
    return client_of(
        "contacts.view_contact",
        "contacts.reassign_contact",
        "companies.view_company",
        "companies.add_company",
    )


def company_of(data: Database, contact: int) -> int:
    return int(data.value("SELECT company_id FROM contacts WHERE id = %s", [contact]))


def test_a_contact_moves_with_its_orders_and_its_history(data: Database, client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11", "company": "2"})
    assert "1 contact will move to Ring & Co" in text_of(page)
    assert "1 order will move along" in text_of(page)
    assert company_of(data, 11) == 1

    answer = confirm(client, page)

    assert "Reassigned 1 contact to Ring & Co; 1 order moved along" in text_of(answer)
    assert company_of(data, 11) == 2
    assert data.value("SELECT company_id FROM orders WHERE id = 21") == 2
    entry = LogEntry.objects.get(object_id="11")
    assert (entry.object_id, entry.object_repr) == ("11", "Ada")
    assert entry.change_message == "Reassigned from company 1 to company 2 (Ring & Co)."


def test_the_page_names_who_moves_from_where_with_how_many_orders(client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11,12", "company": "4"})
    cells = page.content.decode().split("<tbody>")[1].split("</tbody>")[0]
    shown = [strip_tags(row.replace("</td>", " ")).split() for row in cells.split("<tr>")[1:]]
    assert shown == [["Ada", "Default", "Company", "1"], ["Ben", "Ring", "&amp;", "Co", "1"]]


def test_the_action_leads_to_the_page_with_the_ticked_contacts(client: Client) -> None:
    ticked = {"action": "reassign_to_company", "_selected_action": ["11", "15"], "index": "0"}
    answer = client.post(CONTACTS, ticked)
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"{REASSIGN}?ids=11%2C15"


def test_all_across_pages_is_carried_as_the_filter_not_as_ids(client: Client) -> None:
    ticked = {"action": "reassign_to_company", "_selected_action": ["0"], "select_across": "1"}
    answer = client.post(f"{CONTACTS}?placed=still&p=2", {**ticked, "index": "0"})
    assert answer.headers["Location"].startswith(f"{REASSIGN}?filters=placed%3Dstill&")
    page = client.get(answer.headers["Location"])
    assert "3 contacts of Aurum selected" in text_of(page)


def test_a_selection_of_several_tenants_is_refused(data: Database, client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11,13", "company": "2"})
    assert page.status_code == 400
    assert "Aurum: 1" in text_of(page)
    assert "Bijou: 1" in text_of(page)
    for _, url in page.context["several"]:
        assert client.get(url).context["cl"].result_count == 1
    client.post(REASSIGN, {"ids": "11,13", "company": "2", "shown": "x"})
    assert (company_of(data, 11), company_of(data, 13)) == (1, 3)


def test_companies_of_other_tenants_are_neither_offered_nor_accepted(
    data: Database, client: Client
) -> None:
    assert "Opal" not in text_of(client.get(REASSIGN, {"ids": "11", "q": "op"}))
    page = client.get(REASSIGN, {"ids": "11", "company": "3"})
    assert (page.status_code, "Aurum has no company 3" in text_of(page)) == (400, True)
    client.post(REASSIGN, {"ids": "11", "company": "3", "shown": "x"})
    assert company_of(data, 11) == 1


def test_companies_are_found_by_a_part_of_their_name(client: Client) -> None:
    page = text_of(client.get(REASSIGN, {"ids": "11", "q": "ring"}))
    assert "Ring & Co" in page
    assert "Empty" not in page


def test_an_email_conflict_is_shown_and_one_may_go_on_without(
    data: Database, client: Client
) -> None:
    page = client.get(REASSIGN, {"ids": "11,15", "company": "2"})
    assert "contact 12 (Ben) of that company has the e-mail ben@example.com" in text_of(page)

    refused = confirm(client, page)
    assert "Some contacts cannot go" in text_of(refused)
    assert (company_of(data, 11), company_of(data, 15)) == (1, 1)

    confirm(client, page, without="1")
    assert (company_of(data, 11), company_of(data, 15)) == (2, 1)


def test_of_two_movers_with_one_email_the_first_goes(data: Database, client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "12,15", "company": "4"})
    assert "contact 12 (Ben), who moves too, has the e-mail ben@example.com" in text_of(page)
    confirm(client, page, without="1")
    assert (company_of(data, 12), company_of(data, 15)) == (4, 1)


def test_a_value_that_an_enforced_rule_refuses_is_shown(data: Database, client: Client) -> None:
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format")
    data.execute("UPDATE contacts SET phone = '1' WHERE id = 11")
    page = client.get(REASSIGN, {"ids": "11,14", "company": "2"})
    assert not page.context["plan"].held, "a pending rule refuses nothing"

    data.execute(
        "ALTER TABLE contacts ADD CONSTRAINT ck_contacts_phone_format "
        "CHECK (length(phone) >= 10) NOT VALID"
    )
    page = client.get(REASSIGN, {"ids": "11,14", "company": "2"})
    assert "the phone breaks ck_contacts_phone_format" in text_of(page)
    confirm(client, page, without="1")
    assert (company_of(data, 11), company_of(data, 14)) == (1, 2)


def test_a_contact_that_stays_for_a_rule_keeps_no_email_from_another(
    data: Database, client: Client
) -> None:
    data.run_script("""
        ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format;
        UPDATE contacts SET phone = '1' WHERE id = 12;
        ALTER TABLE contacts ADD CONSTRAINT ck_contacts_phone_format
            CHECK (length(phone) >= 10) NOT VALID;
    """)
    page = client.get(REASSIGN, {"ids": "12,15", "company": "4"})
    assert [held.pk for held in page.context["plan"].held] == [12]
    confirm(client, page, without="1")
    assert (company_of(data, 12), company_of(data, 15)) == (2, 4)


CHANGES = {
    "a contact was renamed": "UPDATE contacts SET name = 'Adam' WHERE id = 11",
    "a contact moved": "UPDATE contacts SET company_id = 4 WHERE id = 11",
    "another contact joined the selection": (
        "INSERT INTO contacts (tenant_id, company_id, placed_in_company_id, name) "
        "VALUES (1, 1, 1, 'Zoe')"
    ),
    "a contact left it": "DELETE FROM contacts WHERE id = 14",
    "an order was added": (
        "INSERT INTO orders (tenant_id, contact_id, order_number, customer_name) "
        "VALUES (1, 11, 'A-99', 'Ada')"
    ),
    "the e-mail was taken": "UPDATE contacts SET email = 'ada@example.com' WHERE id = 12",
    "the company was renamed": "UPDATE companies SET name = 'Ring and Co' WHERE id = 2",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nothing_is_done_when_something_changed_since_it_was_shown(
    data: Database, client: Client, change: str
) -> None:
    page = client.get(REASSIGN, {"filters": "placed=still", "company": "2"})
    data.execute(change)
    before = data.fetch("SELECT id, company_id FROM contacts ORDER BY id")
    answer = confirm(client, page, without="1")
    assert answer.status_code == 400
    assert "Something has changed since this was shown" in text_of(answer)
    assert data.fetch("SELECT id, company_id FROM contacts ORDER BY id") == before
    assert not LogEntry.objects.exists()


def test_what_the_database_refuses_is_told_and_all_of_it_undone(
    data: Database, client: Client
) -> None:
    data.run_script("""
        CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'Contact % is under audit', NEW.id USING HINT = 'Ask.'; END $$;
        CREATE TRIGGER veto BEFORE UPDATE ON contacts
            FOR EACH ROW WHEN (NEW.id = 14) EXECUTE FUNCTION veto();
    """)
    page = client.get(REASSIGN, {"ids": "11,14", "new_company": "Vault"})
    answer = confirm(client, page)
    assert answer.status_code == 400
    assert "Nothing was changed. Contact 14 is under audit. Ask." in text_of(answer)
    assert company_of(data, 11) == 1
    assert data.value("SELECT count(*) FROM companies WHERE name = 'Vault'") == 0


def test_a_company_is_created_on_the_way(data: Database, client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11", "new_company": "Vault"})
    assert "which will be created" in text_of(page)
    assert data.value("SELECT count(*) FROM companies WHERE name = 'Vault'") == 0
    confirm(client, page)
    found = data.fetch(
        "SELECT tenant_id, name, is_default FROM companies WHERE id = %s", [company_of(data, 11)]
    )
    assert found == [(1, "Vault", False)]


def test_a_company_that_exists_cannot_be_created_again(client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11", "new_company": "Ring & Co"})
    assert page.status_code == 400
    assert page.context["plan"] is None


def test_creating_a_company_needs_its_permission(data: Database) -> None:
    client = client_of(
        "contacts.view_contact", "contacts.reassign_contact", "companies.view_company"
    )
    assert "Or create a company" not in text_of(client.get(REASSIGN, {"ids": "11"}))
    assert client.get(REASSIGN, {"ids": "11", "new_company": "Vault"}).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"ids": ""},
        {"ids": "x"},
        {"ids": "99999999999"},
        {"filters": "placed=bogus"},
        {"filters": "status__exact=%00"},
        {"filters": "email__regex=["},
        {"ids": "11", "company": "x"},
        {"ids": "77"},
    ],
)
def test_a_selection_that_means_nothing_is_no_server_error(
    client: Client, query: dict[str, str]
) -> None:
    assert client.get(REASSIGN, query).status_code == 302
    assert client.post(REASSIGN, query).status_code == 302


@pytest.mark.slow
def test_fifty_thousand_contacts_move_at_once(data: Database, client: Client) -> None:
    data.execute(
        "INSERT INTO contacts (id, tenant_id, company_id, placed_in_company_id, name, email) "
        "SELECT 1000 + n, 1, 1, 1, 'Contact ' || n, 'n' || n || '@example.com' "
        "FROM generate_series(1, 50000) AS n"
    )
    data.execute(
        "INSERT INTO orders (tenant_id, contact_id, order_number, customer_name) "
        "SELECT 1, 1000 + n, 'N-' || n, 'x' FROM generate_series(1, 50000) AS n"
    )
    page = client.get(REASSIGN, {"filters": "placed=still&q=Contact", "company": "2"})
    assert "50,000 contacts will move" in text_of(page)
    assert "These are the first 50 of 50,000." in text_of(page)
    assert len(page.content) < 50_000
    ended = ended_of(client, confirm(client, page))
    assert "Reassigned 50,000 contacts to Ring & Co; 50,000 orders moved along." in text_of(ended)
    assert data.value("SELECT count(*) FROM contacts WHERE company_id = 2 AND id > 1000") == 50000
    assert data.value("SELECT count(*) FROM orders WHERE company_id = 2 AND contact_id > 1000") == (
        50000
    )
    assert LogEntry.objects.exclude(object_id="").count() == 50000
