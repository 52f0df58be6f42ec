"""Orders that want no contact leave the list, and contacts are made while orders are linked."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.admin.pages import CONTACTS, LINK, ORDERS, client_of, text_of
from tests.support.database.databases import Database

LINKS = ("orders.view_order", "orders.link_order", "contacts.view_contact")
MAKES = (*LINKS, "contacts.add_contact", "companies.view_company")
UNDO = f"{CONTACTS}undo/"
MARKED = "SELECT order_id FROM settling_nocontactwanted ORDER BY 1"
PLACE = "SELECT contact_id, company_id FROM orders WHERE id = 24"
OPAL = {"name_24": "Zoe", "email_24": "zoe@example.com", "phone_24": "", "company_24": "Empty"}


@pytest.fixture
def client(data: Database) -> Client:
    return client_of(*LINKS)


@pytest.fixture
def maker(data: Database) -> Client:
    return client_of(*MAKES)


def shown(client: Client, query: str) -> list[str]:
    return [str(order) for order in client.get(f"{ORDERS}?{query}").context["cl"].result_list]


def act(client: Client, name: str, *keys: str) -> Any:
    chosen = {"action": name, "_selected_action": keys, "index": "0"}
    return client.post(ORDERS, chosen, follow=True)


def undo(client: Client) -> Any:
    page = client.get(UNDO, follow=True)
    return client.post(page.request["PATH_INFO"], follow=True)


def test_a_walk_in_leaves_the_list_and_what_is_left(data: Database, client: Client) -> None:
    assert "1 order without a contact" in text_of(client.get("/admin/"))
    answer = client.post(LINK, {"ids": "24", "order_24": "none"}, follow=True)
    assert "1 order marked as wanting no contact." in text_of(answer)
    assert shown(client, "contact=none") == []
    assert shown(client, "contact=unwanted") == ["A-24"]
    assert shown(client, "contact=linked") == ["B-23", "A-22", "A-21"]
    index = text_of(client.get("/admin/"))
    assert "order without a contact" not in index
    assert "orders without a contact" not in index
    assert "1 order marked as wanting no contact" in index
    assert data.fetch(PLACE) == [(None, 1)]
    entry = LogEntry.objects.get(object_id="24")
    assert entry.change_message == "Marked: no contact is wanted."


def test_many_are_marked_at_once_and_only_those_without_a_contact(
    data: Database, client: Client
) -> None:
    answer = act(client, "mark_as_wanting_none", "21", "24")
    assert "1 order marked as wanting no contact." in text_of(answer)
    assert data.fetch(MARKED) == [(24,)]
    again = act(client, "mark_as_wanting_none", "21", "24")
    assert "All of these have a contact, or are marked already." in text_of(again)


def test_a_marked_order_says_so_and_offers_no_link(client: Client) -> None:
    page = f"{ORDERS}24/change/"
    assert "Link to a contact…" in text_of(client.get(page))
    act(client, "mark_as_wanting_none", "24")
    shown = text_of(client.get(page))
    assert "Marked: no contact is wanted." in shown
    assert "Link to a contact…" not in shown


def test_the_page_takes_as_many_queries_for_many_orders_as_for_few(
    data: Database, maker: Client
) -> None:
    asked = {"filters": "contact=none"}
    with CaptureQueriesContext(connection) as few:
        maker.get(LINK, asked)
    data.execute(
        "INSERT INTO orders (tenant_id, company_id, order_number, customer_name) "
        "SELECT 1, 1, 'N-' || n, 'walk-in' FROM generate_series(1, 40) AS n"
    )
    with CaptureQueriesContext(connection) as many:
        assert len(maker.get(LINK, asked).context["choices"]) == 41
    assert len(many) == len(few) <= 25


def test_marking_all_that_match_takes_more_than_one_click(client: Client) -> None:
    shown = text_of(client.get(ORDERS))
    assert "Link to a contact: all 4 matching" in shown
    assert "no contact wanted: all" not in shown


def test_a_mark_is_taken_off_again(data: Database, client: Client) -> None:
    act(client, "mark_as_wanting_none", "24")
    assert "Of 1 order a contact is wanted again" in text_of(
        act(client, "mark_as_wanting_one", "24")
    )
    assert data.fetch(MARKED) == []
    assert shown(client, "contact=none") == ["A-24"]


def test_a_mark_is_undone(data: Database, client: Client) -> None:
    act(client, "mark_as_wanting_none", "24")
    assert "Undone: 1 order marked" in text_of(undo(client))
    assert data.fetch(MARKED) == []


def test_an_order_that_has_a_contact_by_now_is_not_marked(data: Database, client: Client) -> None:
    answer = client.post(LINK, {"ids": "24", "order_21": "none"})
    assert "Order A-21 has a contact by now." in text_of(answer)
    assert data.fetch(MARKED) == []


def test_marking_needs_the_right_to_link(data: Database) -> None:
    for missing in LINKS:
        client = client_of(*(name for name in LINKS if name != missing))
        act(client, "mark_as_wanting_none", "24")
        assert client.post(LINK, {"ids": "24", "order_24": "none"}).status_code == 403
    assert data.fetch(MARKED) == []


def test_a_mark_of_an_order_that_is_gone_is_no_obstacle(data: Database, client: Client) -> None:
    act(client, "mark_as_wanting_none", "24")
    data.execute("DELETE FROM orders WHERE id = 24")
    assert shown(client, "contact=unwanted") == []


def test_a_contact_is_made_of_the_order_and_linked(data: Database, maker: Client) -> None:
    page = maker.get(LINK, {"ids": "24"}).content.decode()
    assert 'name="name_24" value="walk-in"' in page
    answer = maker.post(LINK, {"ids": "24", "order_24": "new", **OPAL}, follow=True)
    assert "Linked 1 order; made 1 contact." in text_of(answer)
    [made] = data.fetch(
        "SELECT id, tenant_id, company_id, name, email, phone FROM contacts WHERE name = 'Zoe'"
    )
    assert made[1:] == (1, 4, "Zoe", "zoe@example.com", None)
    assert data.fetch(PLACE) == [(made[0], 4)]
    assert LogEntry.objects.get(object_id=str(made[0])).is_addition()


def test_without_a_company_it_is_made_in_the_orders_own(data: Database, maker: Client) -> None:
    maker.post(LINK, {"ids": "24", "order_24": "new", **OPAL, "company_24": ""})
    assert data.value("SELECT company_id FROM contacts WHERE name = 'Zoe'") == 1


def test_what_was_made_and_linked_is_undone(data: Database, maker: Client) -> None:
    maker.post(LINK, {"ids": "24", "order_24": "new", **OPAL})
    assert "Undone: Linked 1 order; made 1 contact." in text_of(undo(maker))
    assert data.fetch(PLACE) == [(None, 1)]
    assert data.value("SELECT count(*) FROM contacts WHERE name = 'Zoe'") == 0


def test_links_are_undone(data: Database, client: Client) -> None:
    client.post(LINK, {"ids": "24", "order_24": "12:2"})
    assert data.fetch(PLACE) == [(12, 2)]
    undo(client)
    assert data.fetch(PLACE) == [(None, 1)]


WRONG = {
    "another spelling": ({"company_24": "EMPTY"}, "Did you mean “Empty”?"),
    "no such company": ({"company_24": "Nowhere"}, "Make it under Companies first."),
    "another tenant's": ({"company_24": "Opal"}, "There is no company “Opal”."),
    "an e-mail that is taken": (
        {"email_24": "ben@example.com", "company_24": "Ring & Co"},
        "A contact of this company has this e-mail already.",
    ),
    "no e-mail": ({"email_24": "zoe"}, "Order A-24:"),
    "no name": ({"name_24": " "}, "This field cannot be blank."),
}


@pytest.mark.parametrize(("typed", "told"), WRONG.values(), ids=WRONG)
def test_a_contact_that_cannot_be_is_refused_and_nothing_typed_is_lost(
    data: Database, maker: Client, typed: dict[str, str], told: str
) -> None:
    before = data.value("SELECT count(*) FROM contacts")
    answer = maker.post(LINK, {"ids": "24", "order_24": "new", **OPAL, **typed})
    assert answer.status_code == 400
    assert told in text_of(answer)
    [choice] = answer.context["choices"]
    sent = {**OPAL, **typed}
    assert choice.typed == {key.removesuffix("_24"): sent[key].strip() for key in sent}
    assert choice.chosen == "new"
    assert data.value("SELECT count(*) FROM contacts") == before
    assert data.fetch(PLACE) == [(None, 1)]


def test_making_a_contact_needs_the_right_to_add_one(data: Database, client: Client) -> None:
    assert "Make a new contact" not in text_of(client.get(LINK, {"ids": "24"}))
    assert client.post(LINK, {"ids": "24", "order_24": "new", **OPAL}).status_code == 403
    assert data.value("SELECT count(*) FROM contacts WHERE name = 'Zoe'") == 0
