"""Two contacts that are one are merged as was shown, and come apart again from the history."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.support.admin.pages import CONTACTS, client_of, text_of
from tests.support.database.databases import Database

MERGE = f"{CONTACTS}merge/"
MERGES = (
    "contacts.change_contact",
    "contacts.delete_contact",
    "companies.view_company",
    "orders.view_order",
    "orders.link_order",
)
ROWS = """
UPDATE contacts SET phone = '0300000000' WHERE id = 15;
INSERT INTO orders (id, tenant_id, company_id, contact_id, order_number, customer_name)
VALUES (31, 1, 1, 15, 'A-31', 'Eve'), (32, 1, 1, 15, 'A-32', 'Eve');
"""
FIELDS = "id, company_id, name, email, phone, email_set_aside, placed_in_company_id"


@pytest.fixture(autouse=True)
def _orders(data: Database) -> None:
    data.execute(ROWS)


@pytest.fixture
def client(data: Database) -> Client:
    client = client_of(*MERGES)
    client.post(f"{CONTACTS}15/change/", {"name": "Eva", "email": "ben@example.com", "phone": ""})
    assert data.value("SELECT name FROM contacts WHERE id = 15") == "Eva"
    data.execute("UPDATE contacts SET phone = '0300000000' WHERE id = 15")
    return client


def state(data: Database) -> list[Any]:
    return [
        data.fetch("SELECT to_jsonb(t) - 'updated_at' FROM contacts AS t ORDER BY id"),
        data.fetch("SELECT id, contact_id, company_id FROM orders ORDER BY id"),
    ]


def preview(client: Client, keep: int = 12, **chosen: str) -> Any:
    return client.get(MERGE, {"ids": "12,15", "keep": str(keep), **chosen})


def send(client: Client, page: Any) -> Any:
    planned = page.context["planned"]
    sent = {"ids": "12,15", "keep": planned.kept.pk, "shown": planned.fingerprint}
    values = {name: getattr(planned, name) or "" for name in ("name", "email", "phone")}
    return client.post(MERGE, {**sent, **values}, follow=True)


def undo_page(client: Client, contact: int) -> str:
    page = client.get(f"{CONTACTS}{contact}/history/")
    [merge] = page.context["merges"]
    return f"{CONTACTS}undo/{merge.pk}/"


def test_it_is_shown_before_and_nothing_happens_by_looking(data: Database, client: Client) -> None:
    before = state(data)
    page = preview(client)
    shown = text_of(page)
    assert "Ben (12) of Ring & Co stays: Ben, ben@example.com, 0123456789." in shown
    told = "Eva (15) of Default Company goes; 2 orders and 1 entry of its history move along."
    assert told in shown
    assert "the history names them: 0300000000" in shown
    assert state(data) == before


def test_orders_email_and_history_go_to_the_one_that_stays(data: Database, client: Client) -> None:
    answer = send(client, preview(client, name="Eva", phone="0300000000"))
    assert "Merged contact 15 (Eva) of company 1 into contact 12 (Eva): 2 orders" in text_of(answer)
    assert data.fetch(f"SELECT {FIELDS} FROM contacts WHERE id IN (12, 15)") == [
        (12, 2, "Eva", "ben@example.com", "0300000000", None, None)
    ]
    found = "SELECT contact_id, company_id FROM orders WHERE id IN (22, 31, 32)"
    assert data.fetch(found) == [(12, 2)] * 3
    entries = LogEntry.objects.filter(object_id="12").order_by("pk")
    assert [entry.change_message[:7] for entry in entries] == ['[{"chan', "Merged "]
    assert "Dropped: 0123456789." in entries[1].change_message
    assert not LogEntry.objects.filter(object_id="15").exists()


def test_a_set_aside_email_is_settled_by_it(data: Database, client: Client) -> None:
    page = client.get(MERGE, {"ids": "11,14", "keep": "14", "name": "Ada"})
    assert page.context["planned"].email == "ada@example.com"
    planned = page.context["planned"]
    sent = {"ids": "11,14", "keep": 14, "shown": planned.fingerprint, "email": planned.email}
    client.post(MERGE, {**sent, "name": "Ada"})
    found = data.fetch(f"SELECT {FIELDS} FROM contacts WHERE id IN (11, 14)")
    assert found == [(14, 1, "Ada", "ada@example.com", None, None, 1)]


@pytest.mark.parametrize("keep", [12, 15])
def test_it_is_undone_from_the_history_by_anybody_who_may_merge(
    data: Database, client: Client, keep: int
) -> None:
    before, entries = state(data), set(LogEntry.objects.values_list("pk", "object_id"))
    send(client, preview(client, keep))
    assert state(data) != before
    other = client_of(*MERGES)
    done = other.post(undo_page(other, keep), follow=True)
    assert "Undone: Merged contact" in text_of(done)
    assert state(data) == before
    assert entries <= set(LogEntry.objects.values_list("pk", "object_id"))


CHANGES = {
    "the contact": ("UPDATE contacts SET phone = '0999999999' WHERE id = 12", "contact 12"),
    "an order": ("UPDATE orders SET contact_id = NULL WHERE id = 31", "order 31"),
    "a new contact 15": (
        "INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (15, 1, 2, 'New')",
        "contact 15",
    ),
}


@pytest.mark.parametrize(("write", "named"), CHANGES.values(), ids=CHANGES)
def test_it_is_not_undone_when_something_has_changed(
    data: Database, client: Client, write: str, named: str
) -> None:
    send(client, preview(client))
    data.execute(write)
    before, page = state(data), undo_page(client, 12)
    assert f"somebody has changed since: {named}" in text_of(client.get(page))
    refused = client.post(page)
    assert (refused.status_code, state(data)) == (400, before)
    assert f"cannot be undone: {named}." in text_of(refused)


@pytest.mark.parametrize(
    "write",
    [
        "UPDATE contacts SET name = 'Benjamin' WHERE id = 12",
        "UPDATE contacts SET phone = NULL WHERE id = 15",
        "INSERT INTO orders (tenant_id, company_id, contact_id, order_number, customer_name) "
        "VALUES (1, 1, 15, 'A-40', 'Eve')",
        "UPDATE orders SET contact_id = NULL WHERE contact_id = 15; "
        "DELETE FROM contacts WHERE id = 15",
    ],
    ids=["one changed", "the other changed", "another order", "one is gone"],
)
def test_what_was_not_shown_is_not_done(data: Database, client: Client, write: str) -> None:
    page = preview(client)
    data.execute(write)
    before = state(data)
    send(client, page)
    assert state(data) == before


def test_what_cannot_be_merged_says_why(data: Database, client: Client) -> None:
    for ids, told in {
        "12,13": "belong to different tenants",
        "12": "Choose two contacts",
        "12,14,15": "Choose two contacts",
        "12,999": "Choose two contacts",
    }.items():
        page = client.get(MERGE, {"ids": ids, "keep": "12"}, follow=True)
        assert told in text_of(page), ids
    page = preview(client, email="nobody@example.com")
    assert "Neither of the two has the email" in text_of(page)
    assert page.context["planned"] is None
    data.execute("UPDATE contacts SET company_id = 2, email = 'other@example.com' WHERE id = 11")
    data.execute("UPDATE contacts SET email_set_aside = 'other@example.com' WHERE id = 15")
    page = preview(client, email="other@example.com")
    assert "Contact 11 (Ada) of Ring & Co has the e-mail other@example.com" in text_of(page)
    assert page.context["planned"] is None


def test_a_contact_to_which_another_table_refers_stays(data: Database, client: Client) -> None:
    data.execute("CREATE TABLE visits (contact_id integer REFERENCES contacts ON DELETE CASCADE)")
    data.execute("INSERT INTO visits VALUES (15)")
    told = "Rows of another program's tables refer to contact 15: keep that one."
    assert told in text_of(preview(client))
    send(client, preview(client, keep=15))
    assert data.value("SELECT count(*) FROM visits") == 1
    assert data.value("SELECT count(*) FROM contacts WHERE id = 12") == 0


def test_the_action_leads_to_the_page_with_two_only(client: Client) -> None:
    def ticked(*keys: str) -> Any:
        chosen = {"action": "merge_contacts", "_selected_action": keys, "index": "0"}
        return client.post(CONTACTS, chosen)

    assert "Merge two that are one: all" not in text_of(client.get(CONTACTS))
    assert ticked("12", "15").headers["Location"] == f"{MERGE}?ids=12%2C15"
    assert ticked("12").headers["Location"] == CONTACTS


@pytest.mark.parametrize("missing", MERGES)
def test_merging_and_undoing_need_every_permission(
    data: Database, client: Client, missing: str
) -> None:
    lacking = client_of(*(name for name in MERGES if name != missing))
    before = state(data)
    page = preview(client)
    assert preview(lacking).status_code == 403
    assert send(lacking, page).status_code == 403
    assert state(data) == before
    send(client, page)
    after, undo = state(data), undo_page(client, 12)
    assert lacking.post(undo).status_code == 403
    assert state(data) == after
