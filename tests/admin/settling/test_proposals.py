"""Companies are proposed for placed contacts by what the rows say, and moved as a person chose."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.support.admin.pages import CONTACTS, client_of, text_of
from tests.support.database.databases import Database

PROPOSE = f"{CONTACTS}propose/"
SPEAKING = """
INSERT INTO companies (id, tenant_id, name, email, phone)
VALUES (5, 1, 'Opal House', 'info@opal.example', '+49 30 5550-100'),
       (6, 2, 'Far', 'x@opal.example', NULL);
INSERT INTO contacts (id, tenant_id, company_id, name, email, phone)
VALUES (40, 1, 4, 'Fay', 'fay@gmail.com', NULL), (41, 1, 4, 'Gil', 'gil@Empty.example', NULL);
UPDATE contacts SET email = 'eve@OPAL.example', phone = '(+49) 305550 123' WHERE id = 15;
UPDATE contacts SET email = 'dan@gmail.com' WHERE id = 14;
UPDATE contacts SET email = 'ada@empty.example' WHERE id = 11;
UPDATE orders SET specifications = 'engrave as for OPAL HOUSE' WHERE id = 21;
"""


@pytest.fixture(autouse=True)
def _speaking(data: Database) -> None:
    data.execute(SPEAKING)


def proposed(answer: Any) -> dict[str, list[tuple[str, str]]]:
    return {
        str(contact): [(str(one.company), one.reason) for one in proposals]
        for contact, proposals in answer.context["proposed"]
    }


def companies_of(data: Database) -> dict[int, int]:
    return dict(data.fetch("SELECT id, company_id FROM contacts WHERE id IN (11, 14, 15)"))


def test_domain_phone_and_orders_speak_and_free_mail_does_not(client: Client) -> None:
    answer = client.get(PROPOSE, {"filters": "placed=still"})
    phone = "same phone number but for its last digits"
    assert proposed(answer) == {
        "Ada": [
            ("Empty", "same e-mail domain empty.example"),
            ("Opal House", "an order names the company"),
        ],
        "Eve": [("Opal House", f"same e-mail domain opal.example and {phone}")],
    }
    assert "Of 3 contacts still where the migration placed them" in text_of(answer)


def test_what_speaks_for_many_companies_says_nothing(data: Database, client: Client) -> None:
    data.execute(
        "INSERT INTO companies (id, tenant_id, name, email) "
        "SELECT 50 + n, 1, 'Shop ' || n, 'shop' || n || '@empty.example' "
        "FROM generate_series(1, 3) AS n"
    )
    answer = client.get(PROPOSE, {"ids": "11"})
    assert proposed(answer) == {"Ada": [("Opal House", "an order names the company")]}


def test_nothing_moves_by_looking(data: Database, client: Client) -> None:
    client.get(PROPOSE, {"filters": "placed=still"})
    assert companies_of(data) == {11: 1, 14: 1, 15: 1}


def test_several_are_accepted_at_once_and_the_place_is_kept(data: Database, client: Client) -> None:
    chosen = {"contact_11": "1:4", "contact_15": "1:5", "contact_14": ""}
    kept = {"_changelist_filters": "placed=still&o=-1"}
    answer = client.post(PROPOSE, {"filters": "placed=still", **chosen, **kept}, follow=True)
    assert "Reassigned 2 contacts." in text_of(answer)
    assert f'href="{CONTACTS}?placed=still&amp;o=-1"' in answer.content.decode()
    assert companies_of(data) == {11: 4, 14: 1, 15: 5}
    assert data.value("SELECT company_id FROM orders WHERE id = 21") == 4
    assert {entry.object_id for entry in LogEntry.objects.all()} == {"11", "15"}


def test_the_best_of_each_is_ticked_when_asked_and_only_sending_moves(
    data: Database, client: Client
) -> None:
    asked = {"filters": "placed=still"}
    assert ticked(client.get(PROPOSE, asked)) == {"contact_11": "", "contact_15": ""}
    page = client.get(PROPOSE, {**asked, "tick": "best"})
    assert ticked(page) == {"contact_11": "1:4", "contact_15": "1:5"}
    assert companies_of(data) == {11: 1, 14: 1, 15: 1}
    client.post(PROPOSE, {**asked, **ticked(page)})
    assert companies_of(data) == {11: 4, 14: 1, 15: 5}


def ticked(page: Any) -> dict[str, str]:
    found = re.findall(r'name="(contact_\d+)" value="([^"]*)" checked', page.content.decode())
    return dict(found)


WRONG = {
    "moved meanwhile": ("UPDATE contacts SET company_id = 4 WHERE id = 15", "was moved meanwhile"),
    "gone": ("DELETE FROM contacts WHERE id = 15", "was moved meanwhile"),
    "e-mail there": ("UPDATE contacts SET email = 'eve@OPAL.example', company_id = 5 WHERE id = 12",
                     "Eve cannot go: contact 12 (Ben)"),
    "company gone": ("DELETE FROM companies WHERE id = 5", "Company 5 is gone"),
}  # fmt: skip


@pytest.mark.parametrize(("write", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_and_nothing_moves(
    data: Database, client: Client, write: str, told: str
) -> None:
    data.execute(write)
    before = companies_of(data)
    chosen = {"contact_11": "1:4", "contact_15": "1:5"}
    answer = client.post(PROPOSE, {"filters": "placed=still", **chosen})
    assert answer.status_code == 400
    assert told in text_of(answer)
    assert companies_of(data) == before


@pytest.mark.parametrize("value", ["x", "1", "1:2:3", "1:99999999999", "-1:4", "1:6", "1:1"])
def test_a_choice_that_is_none_moves_nobody(data: Database, client: Client, value: str) -> None:
    answer = client.post(PROPOSE, {"filters": "placed=still", "contact_15": value})
    assert answer.status_code == 400
    assert companies_of(data) == {11: 1, 14: 1, 15: 1}


def test_it_needs_the_permission_to_reassign(data: Database) -> None:
    viewer = client_of("contacts.view_contact", "companies.view_company")
    assert viewer.get(PROPOSE, {"filters": ""}).status_code == 403
