"""Orders without a contact: candidates are proposed, a person links them."""

import html
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.support.admin.pages import LINK, ORDERS, client_of, text_of
from tests.support.database.databases import Database

PLACE = "SELECT contact_id, company_id FROM orders WHERE id = 24"


@pytest.fixture
def client(data: Database) -> Client:
    return client_of("orders.view_order", "orders.link_order", "contacts.view_contact")


def customer(data: Database, name: str, email: str | None) -> None:
    given = [name, email]
    data.execute("UPDATE orders SET customer_name = %s, customer_email = %s WHERE id = 24", given)


def proposed(client: Client, **more: str) -> list[tuple[str, str]]:
    answer = client.get(LINK, {"ids": "24", **more})
    [choice] = answer.context["choices"]
    return [(str(candidate.contact), candidate.reason) for candidate in choice.proposed]


def test_the_filter_finds_them(client: Client) -> None:
    rows = client.get(f"{ORDERS}?contact=none").context["cl"].result_list
    assert [str(order) for order in rows] == ["A-24"]
    assert "without a contact (1)" in text_of(client.get(f"{ORDERS}?_facets=True"))


def test_candidates_come_from_the_orders_own_email_and_name(data: Database, client: Client) -> None:
    customer(data, "EVE", "Ben@Example.com")
    assert proposed(client) == [("Eve", "same e-mail and same name"), ("Ben", "same e-mail")]


def test_a_set_aside_email_counts(data: Database, client: Client) -> None:
    customer(data, "nobody", "ada@example.com")
    assert [name for name, _ in proposed(client)] == ["Ada", "Dan"]


@pytest.mark.parametrize("name", ["İsmail", "ΟΔΟΣ", "Éva", "Straße"])
def test_a_name_is_found_also_where_python_and_the_server_lower_it_differently(
    data: Database, client: Client, name: str
) -> None:
    data.execute("UPDATE contacts SET name = %s WHERE id = 12", [name])
    customer(data, name, None)
    assert proposed(client) == [(name, "same name")]


def test_a_name_that_many_bear_does_not_push_out_an_email(
    data: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.linking.READ", 2)
    data.execute("UPDATE contacts SET name = 'Ada' WHERE id IN (11, 12, 14)")
    data.execute("UPDATE contacts SET email = 'eve@example.com' WHERE id = 15")
    customer(data, "Ada", "eve@example.com")
    assert proposed(client)[0] == ("Eve", "same e-mail")


def test_contacts_of_other_tenants_are_not_proposed(data: Database, client: Client) -> None:
    customer(data, "Cleo", None)
    assert proposed(client) == []
    assert proposed(client, q_24="cleo") == []


def test_other_contacts_are_found_by_search(client: Client) -> None:
    assert proposed(client, q_24="ben@") == [
        ("Ben", "found by your search"),
        ("Eve", "found by your search"),
    ]


def test_a_search_finds_an_email_that_was_set_aside(client: Client) -> None:
    assert [name for name, _ in proposed(client, q_24="ada@")] == ["Ada", "Dan"]


def test_a_search_that_finds_nothing_says_so(client: Client) -> None:
    page = client.get(LINK, {"ids": "24", "q_24": "nobody"})
    told = "No contact of Aurum has this e-mail or name, or “nobody” in its own."
    assert told in text_of(page)
    sent = re.findall(r'type="radio" name="order_24" value="([^"]*)"', page.content.decode())
    assert sent == ["none", ""], "no contact is there to choose"


def test_nothing_is_linked_by_looking(data: Database, client: Client) -> None:
    customer(data, "Ben", "ben@example.com")
    page = client.get(LINK, {"filters": "contact=none"})
    assert "checked> leave it as it is" in page.content.decode()
    assert data.fetch(PLACE) == [(None, 1)]


def test_a_linked_order_takes_its_contacts_company(data: Database, client: Client) -> None:
    answer = client.post(LINK, {"ids": "24", "order_24": "12:2"}, follow=True)
    assert "Linked 1 order." in text_of(answer)
    assert data.fetch(PLACE) == [(12, 2)]
    entry = LogEntry.objects.get()
    assert entry.object_id == "24"
    assert "Linked to contact 12 (Ben) of company 2; it was in company 1." in entry.change_message


WRONG = {
    "another tenant's contact": ("13:3", "another tenant"),
    "a contact that is gone": ("77:2", "does not exist any more"),
    "a contact that moved": ("12:1", "has moved to company 2"),
    "no such thing": ("x", "not understood"),
    "a number out of range": ("99999999999:1", "not understood"),
    "nothing chosen": ("", "Nothing was chosen"),
}


@pytest.mark.parametrize(("value", "told"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_linked_is_told(
    data: Database, client: Client, value: str, told: str
) -> None:
    answer = client.post(LINK, {"ids": "24", "order_24": value})
    assert answer.status_code == 400
    assert told in text_of(answer)
    assert data.fetch(PLACE) == [(None, 1)]


def test_an_order_that_was_linked_meanwhile_keeps_its_contact(
    data: Database, client: Client
) -> None:
    answer = client.post(LINK, {"ids": "24", "order_24": "12:2", "order_21": "12:2"})
    assert "Order A-21 has contact 11 by now" in text_of(answer)
    assert data.fetch(PLACE) == [(None, 1)], "all or none"


def test_the_action_leads_to_the_page(client: Client) -> None:
    ticked = {"action": "link_to_contact", "_selected_action": ["0"], "select_across": "1"}
    answer = client.post(f"{ORDERS}?contact=none", {**ticked, "index": "0"})
    assert answer.headers["Location"].startswith(f"{LINK}?filters=contact%3Dnone&")


def test_when_all_have_a_contact_the_page_says_so(client: Client) -> None:
    answer = client.get(LINK, {"ids": "21"}, follow=True)
    assert "Each of the selected orders has a contact, or wants none." in text_of(answer)


def test_a_long_selection_is_gone_through_though_some_are_left_as_they_are(
    data: Database, client: Client
) -> None:
    data.execute(
        "INSERT INTO orders (id, tenant_id, company_id, order_number, customer_name) "
        "SELECT 1000 + n, 1, 1, 'N-' || n, 'walk-in' FROM generate_series(1, 60) AS n"
    )

    def seen(page: Any) -> tuple[int, int, int]:
        orders = [choice.order.pk for choice in page.context["choices"]]
        return orders[0], orders[-1], len(orders)

    page = client.get(LINK, {"filters": "contact=none"})
    assert "61 of the selected orders have no contact. Here are 50 of them." in text_of(page)
    assert seen(page) == (24, 1049, 50)
    [further] = re.findall(r'href="([^"]+after=[^"]+)"', page.content.decode())
    page = client.get(LINK + html.unescape(further))
    assert seen(page) == (1050, 1060, 11)
    assert "show the next" not in text_of(page)
    chosen = {"filters": "contact=none", "after": "1049", "order_1050": "12:2"}
    page = client.post(LINK, chosen, follow=True)
    assert seen(page) == (1051, 1060, 10)
    assert seen(client.get(LINK, {"filters": "contact=none", "after": "1060"})) == (24, 1049, 50)
    assert seen(client.get(LINK, {"filters": "contact=none", "after": "x"})) == (24, 1049, 50)


def test_the_form_does_not_link_and_writes_enums(data: Database) -> None:
    client = client_of(superuser=True)
    client.post(
        f"{ORDERS}24/change/",
        {
            "order_number": "A-24",
            "customer_name": "walk-in",
            "status": "SHIPPED",
            "contact": "12",
            "company": "2",
        },
    )
    assert data.fetch(PLACE) == [(None, 1)]
    assert data.value("SELECT status::text FROM orders WHERE id = 24") == "SHIPPED"


def test_a_new_order_takes_its_contacts_company_and_tenant(data: Database) -> None:
    client = client_of(superuser=True)
    url = f"{ORDERS}add/"
    given = {"order_number": "A-30", "customer_name": "Ben", "contact": "12", "company": "2"}
    assert "belongs to Ring & Co, not to Empty" in text_of(
        client.post(url, {**given, "company": "4"})
    )
    client.post(url, given)
    found = "SELECT tenant_id, contact_id, company_id FROM orders WHERE order_number = 'A-30'"
    assert data.fetch(found) == [(1, 12, 2)]
    again = text_of(client.post(url, given))
    assert "Order with this Order number already exists" in again or "this number already" in again
