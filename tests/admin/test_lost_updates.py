"""Two tabs with one form: the second is told what changed meanwhile, and decides."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.support.admin.pages import COMPANIES, CONTACTS, ORDERS, text_of
from tests.support.database.databases import Database

CONTACT = f"{CONTACTS}12/change/"
ORDER = f"{ORDERS}21/change/"
COMPANY = f"{COMPANIES}2/change/"


def opened(page: Any) -> dict[str, str]:
    """Return what the form of a page would send if nobody touched it."""
    forms = [page.context["adminform"].form]
    formsets = [one.formset for one in page.context["inline_admin_formsets"]]
    for formset in formsets:
        forms += [formset.management_form, *formset.forms]
    sent: dict[str, str] = {}
    for form in forms:
        for bound in form:
            html = str(bound)
            for tag in re.findall(r"<input[^>]*>", html):
                [name] = re.findall(r' name="([^"]+)"', tag)
                value = re.findall(r' value="([^"]*)"', tag)
                if 'type="checkbox"' not in tag:
                    sent[name] = unescape(value[0]) if value else ""
                elif " checked" in tag:
                    sent[name] = "on"
            for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>\n?([^<]*)<', html):
                sent[name] = unescape(text)
            for name, options in re.findall(
                r'(?s)<select name="([^"]+)"[^>]*>(.*?)</select>', html
            ):
                chosen = re.findall(r'value="([^"]*)" selected', options)
                sent[name] = chosen[0] if chosen else ""
    return sent


def test_a_value_that_another_tab_has_changed_is_not_written_over(
    data: Database, client: Client
) -> None:
    first, second = opened(client.get(CONTACT)), opened(client.get(CONTACT))
    assert client.post(CONTACT, {**first, "name": "Benjamin"}).status_code == 302
    answer = client.post(CONTACT, {**second, "name": "Benedict"})
    assert answer.status_code == 200
    shown = text_of(answer)
    assert "Changed meanwhile by user0 at" in shown
    assert "to “Benjamin”. Save again to keep yours, or open this page anew" in shown
    assert data.value("SELECT name FROM contacts WHERE id = 12") == "Benjamin"
    assert opened(answer)["name"] == "Benedict"


def test_sent_again_the_persons_own_value_stays(data: Database, client: Client) -> None:
    first, second = opened(client.get(CONTACT)), opened(client.get(CONTACT))
    client.post(CONTACT, {**first, "name": "Benjamin"})
    again = opened(client.post(CONTACT, {**second, "name": "Benedict"}))
    assert client.post(CONTACT, again).status_code == 302
    assert data.value("SELECT name FROM contacts WHERE id = 12") == "Benedict"


def test_what_only_the_other_changed_is_kept_and_told(data: Database, client: Client) -> None:
    first, second = opened(client.get(CONTACT)), opened(client.get(CONTACT))
    client.post(CONTACT, {**first, "name": "Benjamin"})
    answer = client.post(CONTACT, {**second, "phone": "0987654321"}, follow=True)
    assert "Changed meanwhile, and kept: Name by user0 at" in text_of(answer)
    assert data.fetch("SELECT name, phone FROM contacts WHERE id = 12") == [
        ("Benjamin", "0987654321")
    ]
    assert "name" not in str(LogEntry.objects.first().get_change_message()).lower()  # type: ignore[union-attr]


def test_two_who_meant_the_same_do_not_hear_of_it(data: Database, client: Client) -> None:
    first, second = opened(client.get(CONTACT)), opened(client.get(CONTACT))
    client.post(CONTACT, {**first, "name": "Benjamin"})
    assert client.post(CONTACT, {**second, "name": "Benjamin"}).status_code == 302


def test_another_programs_change_is_told_too(data: Database, client: Client) -> None:
    form = opened(client.get(CONTACT))
    data.execute("UPDATE contacts SET phone = NULL WHERE id = 12")
    answer = client.post(CONTACT, {**form, "phone": "0987654321"})
    assert "Changed meanwhile by another program, to “nothing”" in text_of(answer)


def test_orders_are_held_field_by_field_times_and_choices_too(
    data: Database, client: Client
) -> None:
    data.execute("UPDATE orders SET due_date = '2026-01-02 03:04:05', price = 10 WHERE id = 21")
    first, second = opened(client.get(ORDER)), opened(client.get(ORDER))
    other = {"due_date_0": "2026-05-05", "status": "SHIPPED", "price": "11"}
    assert client.post(ORDER, {**first, **other}).status_code == 302
    mine = {"due_date_0": "2026-06-06", "status": "CANCELLED"}
    answer = client.post(ORDER, {**second, **mine})
    assert text_of(answer).count("Changed meanwhile by user0") == 2
    assert "to “shipped”" in text_of(answer)
    assert client.post(ORDER, opened(answer)).status_code == 302
    found = data.fetch("SELECT due_date::date::text, status::text, price FROM orders WHERE id = 21")
    assert found == [("2026-06-06", "CANCELLED", 11.0)]


def test_a_company_and_its_addresses_are_held_too(data: Database, client: Client) -> None:
    data.execute(
        "INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code) "
        "VALUES (1, 2, 'Main Street 1', 'Town', 'X', '12345')"
    )
    first, second = opened(client.get(COMPANY)), opened(client.get(COMPANY))
    other = {"name": "Ring & Sons", "addresses-0-city": "Old Town"}
    assert client.post(COMPANY, {**first, **other}).status_code == 302
    answer = client.post(COMPANY, {**second, "name": "Ring Ltd", "addresses-0-city": "New Town"})
    shown = text_of(answer)
    assert "to “Ring & Sons”" in shown
    assert "to “Old Town”" in shown
    assert client.post(COMPANY, opened(answer)).status_code == 302
    assert data.value("SELECT name FROM companies WHERE id = 2") == "Ring Ltd"
    assert data.value("SELECT city FROM addresses WHERE company_id = 2") == "New Town"


@pytest.mark.parametrize(
    "seen", ["", "x", "{}", '{"values": 1, "at": "x"}', '{"values": {"a": 1}}']
)
def test_a_form_that_does_not_say_what_it_showed_is_saved(
    data: Database, client: Client, seen: str
) -> None:
    form = {**opened(client.get(CONTACT)), "seen": seen, "name": "Benno"}
    assert client.post(CONTACT, form).status_code == 302
    assert data.value("SELECT name FROM contacts WHERE id = 12") == "Benno"
