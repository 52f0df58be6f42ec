"""Whoever acts on a list comes back to it: same filters, same order, same page, same selection."""

import re
from html import unescape
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from tests.support.admin.pages import (
    COMPANIES,
    CONTACTS,
    LINK,
    ORDERS,
    REASSIGN,
    confirm,
    text_of,
)
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import SIX

PASSWORD = "as-long-as-it-needs-to-be"
PLACE = "placed=still&q=a&o=5"


def act(client: Client, url: str, action: str, *keys: str) -> Any:
    chosen = {"action": action, "_selected_action": keys, "index": "0"}
    return client.post(url, chosen, follow=True)


def place_of(answer: Any) -> str:
    return str(answer.redirect_chain[-1][0])


def test_reassigning_comes_back_to_the_place_in_the_list(client: Client) -> None:
    page = act(client, f"{CONTACTS}?{PLACE}", "reassign_to_company", "11")
    chosen = client.get(f"{page.redirect_chain[-1][0]}&company=2")
    assert f'href="{CONTACTS}?placed=still&amp;q=a&amp;o=5"' in chosen.content.decode()
    done = confirm(client, chosen, _changelist_filters=PLACE)
    assert place_of(done) == f"{CONTACTS}?{PLACE}"
    assert "Reassigned 1 contact to Ring & Co" in text_of(done)


def test_the_form_that_confirms_holds_the_place_and_its_url_the_selection(client: Client) -> None:
    url = f"{REASSIGN}?ids=11&company=2&_changelist_filters=placed%3Dstill%26p%3D1"
    page = client.get(url).content.decode()
    assert '<input type="hidden" name="_changelist_filters" value="placed=still&amp;p=1">' in page
    [action] = re.findall(r'<form method="post" action="(/admin/contacts[^"]+)"', page)
    resumed = client.get(unescape(action))
    assert resumed.context["plan"].company == 2
    assert resumed.context["kept"] == "placed=still&p=1"


def test_a_page_that_an_action_has_emptied_becomes_the_last_one(client: Client) -> None:
    listed = client.get(f"{CONTACTS}?placed=still&p=7")
    assert (listed.status_code, listed.context["cl"].page_num) == (200, 1)


def test_settling_comes_back_to_the_place_in_the_list(client: Client) -> None:
    kept = {"_changelist_filters": "set_aside=yes"}
    contact = client.get(f"{CONTACTS}14/change/", kept).content.decode()
    [link] = re.findall(r'href="([^"]+settle-email/[^"]*)"', contact)
    answer = {"decision": "drop", "shown": "ada@example.com"}
    done = client.post(unescape(link), answer, follow=True)
    assert place_of(done) == f"{CONTACTS}?set_aside=yes"


def test_a_refused_deletion_keeps_the_place(data: Database, client: Client) -> None:
    data.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN RAISE restrict_violation; END';
        CREATE TRIGGER refuse BEFORE DELETE ON companies EXECUTE FUNCTION refuse()
    """)
    url = f"{COMPANIES}4/delete/?_changelist_filters=default%3Dno"
    done = client.post(url, {"post": "yes"}, follow=True)
    assert place_of(done) == f"{COMPANIES}4/change/?_changelist_filters=default%3Dno"


def test_six_orders_of_six_customers_are_one_page_with_a_proposal_each(
    data: Database, client: Client
) -> None:
    data.execute(SIX)
    keys = [str(300 + n) for n in range(1, 7)]
    page = act(client, f"{ORDERS}?contact=none&o=-1", "link_to_contact", *keys)
    choices = page.context["choices"]
    assert [choice.proposed[0].contact.pk for choice in choices] == [200 + n for n in range(1, 7)]
    chosen = {f"order_{300 + n}": f"{200 + n}:2" for n in range(1, 7)}
    url = page.redirect_chain[-1][0]
    done = client.post(url, {"ids": ",".join(keys), "after": "0", **chosen}, follow=True)
    assert "Linked 6 orders." in text_of(done)
    assert place_of(done) == f"{ORDERS}?contact=none&o=-1"


def test_a_search_for_one_order_keeps_the_others_and_what_was_chosen(
    data: Database, client: Client
) -> None:
    data.execute(SIX)
    sent = {"ids": "24,301,302", "after": "0", "order_301": "201:2", "q_24": "ben@"}
    page = client.post(LINK, {**sent, "search": "Search"})
    assert page.status_code == 200
    assert [choice.order.pk for choice in page.context["choices"]] == [24, 301, 302]
    assert [choice.chosen for choice in page.context["choices"]] == ["", "201:2", ""]
    assert [one.contact.pk for one in page.context["choices"][0].proposed] == [12, 15]
    assert 'value="201:2" checked' in page.content.decode()
    assert data.value("SELECT count(*) FROM orders WHERE id = 301 AND contact_id IS NULL") == 1


def expire(client: Client) -> None:
    """End the session, as time does."""
    client.session.flush()


def log_in_again(client: Client, answer: Any) -> Any:
    """Follow to the login that ``answer`` leads to, and log in there."""
    login = answer.headers["Location"]
    assert login.startswith("/admin/login/")
    user = User.objects.get()
    user.set_password(PASSWORD)
    user.save()
    return client.post(login, {"username": user.username, "password": PASSWORD}, follow=True)


def test_rows_are_ticked_again_after_a_login_in_between(client: Client) -> None:
    expire(client)
    chosen = {"action": "reassign_to_company", "_selected_action": ["11", "15"], "index": "0"}
    page = log_in_again(client, client.post(f"{CONTACTS}?placed=still", chosen))
    shown = page.content.decode()
    boxes = re.findall(r'<input[^>]*name="_selected_action"[^>]*>', shown)
    ticked = {re.findall(r'value="(\d+)"', box)[0] for box in boxes if " checked" in box}
    assert ticked == {"11", "15"}
    assert {str(row) for row in page.context["cl"].result_list} == {"Ada", "Dan", "Eve"}


def test_the_selection_to_reassign_is_there_after_a_login_in_between(client: Client) -> None:
    page = client.get(f"{REASSIGN}?ids=11,15&company=2").content.decode()
    [action] = re.findall(r'<form method="post" action="(/admin/contacts[^"]+)"', page)
    expire(client)
    resumed = log_in_again(client, client.post(unescape(action), {"ids": "11,15"}))
    assert resumed.context["selection"].ids == (11, 15)
    assert resumed.context["plan"].company == 2


def test_the_orders_to_link_are_there_after_a_login_in_between(
    data: Database, client: Client
) -> None:
    data.execute(SIX)
    page = client.get(f"{LINK}?ids=24,301").content.decode()
    [action] = re.findall(r'<form method="post" action="(/admin/orders[^"]+)"', page)
    expire(client)
    resumed = log_in_again(client, client.post(unescape(action), {"ids": "24,301"}))
    assert [choice.order.pk for choice in resumed.context["choices"]] == [24, 301]
