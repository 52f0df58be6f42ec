"""Forms: rows are found by typing, only what is possible is offered, and nothing typed is lost."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.support.admin.pages import COMPANIES, CONTACTS, ORDERS, client_of, text_of
from tests.support.database.databases import Database

AUTOCOMPLETE = "/admin/autocomplete/"
SETTLE = f"{CONTACTS}14/settle-email/"
COMPANY_OF_A_CONTACT = {"app_label": "contacts", "model_name": "contact", "field_name": "company"}
CONTACT_OF_AN_ORDER = {"app_label": "orders", "model_name": "order", "field_name": "contact"}


def found(client: Client, asked: dict[str, str], term: str) -> list[str]:
    answer = client.get(AUTOCOMPLETE, {**asked, "term": term})
    assert answer.status_code == 200
    return [one["text"] for one in answer.json()["results"]]


def test_companies_and_contacts_are_found_by_typing_and_told_apart(client: Client) -> None:
    assert found(client, COMPANY_OF_A_CONTACT, "ing") == ["Ring & Co (Aurum)"]
    assert found(client, COMPANY_OF_A_CONTACT, "opal") == ["Opal (Bijou)"]
    told = ["Ben, ben@example.com, of Ring & Co (Aurum)"]
    assert found(client, CONTACT_OF_AN_ORDER, "ben ring") == told


@pytest.mark.parametrize(
    ("page", "fields"), [(f"{CONTACTS}add/", 1), (f"{ORDERS}add/", 2)], ids=["contact", "order"]
)
def test_a_form_asks_for_no_raw_ids(client: Client, page: str, fields: int) -> None:
    shown = client.get(page).content.decode()
    assert len(re.findall(r'class="[^"]*admin-autocomplete', shown)) == fields
    assert "vForeignKeyRawIdAdminField" not in shown


def test_a_form_offers_to_add_and_view_another_row_and_not_to_delete_it(client: Client) -> None:
    shown = client.get(f"{ORDERS}add/").content.decode()
    kinds = set(re.findall(r'class="related-widget-wrapper-link (\w+)-related"', shown))
    assert kinds == {"add", "view"}


def test_what_was_chosen_is_still_told_when_the_form_is_shown_again(client: Client) -> None:
    sent = {"company": "2", "name": "", "email": "x@example.com", "phone": ""}
    answer = client.post(f"{CONTACTS}add/", sent)
    assert answer.status_code == 200
    assert "Ring & Co (Aurum)" in text_of(answer)
    assert 'value="x@example.com"' in answer.content.decode()


def test_typing_takes_as_many_queries_for_many_results_as_for_few(
    data: Database, client: Client
) -> None:
    with CaptureQueriesContext(connection) as few:
        found(client, CONTACT_OF_AN_ORDER, "a")
    data.execute(
        "INSERT INTO contacts (tenant_id, company_id, name) "
        "SELECT 1, 2, 'Ada ' || n FROM generate_series(1, 50) AS n"
    )
    with CaptureQueriesContext(connection) as many:
        assert len(found(client, CONTACT_OF_AN_ORDER, "a")) == 20
    assert len(many) == len(few) <= 20


def test_typing_shows_only_what_the_user_may_view(data: Database) -> None:
    lacking = client_of("contacts.add_contact", "contacts.view_contact")
    assert lacking.get(AUTOCOMPLETE, {**COMPANY_OF_A_CONTACT, "term": "r"}).status_code == 403


def offered(client: Client) -> list[str]:
    form = client.get(SETTLE).context["form"]
    return [value for value, _ in form.fields["decision"].choices]


def test_the_settle_page_offers_only_what_is_possible(data: Database, client: Client) -> None:
    assert offered(client) == ["change", "drop"], "contact 11 has the e-mail"
    data.execute("UPDATE contacts SET email = NULL WHERE id = 11")
    assert offered(client) == ["restore", "change", "drop"]
    data.execute("UPDATE contacts SET email_set_aside = 'no e-mail at all' WHERE id = 14")
    assert offered(client) == ["change", "drop"]


def settle(client: Client, decision: str, email: str) -> Any:
    sent = {"decision": decision, "email": email, "shown": "ada@example.com"}
    return client.post(SETTLE, sent, follow=True)


@pytest.mark.parametrize("decision", ["drop", "restore"])
def test_an_email_that_was_typed_is_not_dropped(
    data: Database, client: Client, decision: str
) -> None:
    data.execute("UPDATE contacts SET email = NULL WHERE id = 11")
    page = settle(client, decision, "dan@example.com")
    assert "You have typed another e-mail" in text_of(page)
    assert 'value="dan@example.com"' in page.content.decode()
    assert data.value("SELECT email_set_aside FROM contacts WHERE id = 14") == "ada@example.com"


def test_what_was_typed_is_told_where_it_is_settled_already(data: Database, client: Client) -> None:
    data.execute("UPDATE contacts SET email_set_aside = NULL WHERE id = 14")
    page = settle(client, "change", "dan@example.com")
    assert "What you typed was not used: dan@example.com" in text_of(page)


def test_what_became_impossible_is_said_and_the_choice_stays(
    data: Database, client: Client
) -> None:
    page = settle(client, "restore", "")
    assert "Contact 11 (Ada) of the same company has the e-mail" in text_of(page)
    assert 'value="restore"' in page.content.decode()


FREE_TEXT = "UPDATE companies SET address = E'5 Ruby Row\\r\\n\\r\\n 1050 Brussels ' WHERE id = 4"
START = {"street_address": "5 Ruby Row, 1050 Brussels", "country": ""}
WHERE = "SELECT street_address, zip_code, city, state, country FROM addresses WHERE company_id = 4"


def save(client: Client, **address: str) -> Any:
    formset = {"TOTAL_FORMS": "1", "INITIAL_FORMS": "0", "MIN_NUM_FORMS": "0"}
    empty = {"street_address": "", "zip_code": "", "city": "", "state": "", "country": "USA"}
    sent = {**formset, **empty, **address}
    prefixed = {f"addresses-{name}": value for name, value in sent.items() if name in formset}
    prefixed |= {f"addresses-0-{name}": sent[name] for name in sent if name not in formset}
    company = {"name": "Empty", "address": "5 Ruby Row\r\n\r\n 1050 Brussels "}
    return client.post(f"{COMPANIES}4/change/", {**company, **prefixed}, follow=True)


def test_a_free_text_address_is_offered_as_a_start(data: Database, client: Client) -> None:
    data.execute(FREE_TEXT)
    page = client.get(f"{COMPANIES}4/change/")
    shown = page.content.decode()
    assert 'value="5 Ruby Row, 1050 Brussels"' in shown
    assert "put each part where it belongs" in text_of(page)
    assert "5 Ruby Row\r\n\r\n 1050 Brussels </textarea>" in shown, "both are seen"


@pytest.mark.parametrize("company", [1, 2])
def test_nothing_is_offered_where_there_is_an_address_or_no_text(
    data: Database, client: Client, company: int
) -> None:
    data.execute("UPDATE companies SET address = 'somewhere' WHERE id = 1")
    shown = text_of(client.get(f"{COMPANIES}{company}/change/"))
    assert "put each part where it belongs" not in shown


def test_a_start_that_is_left_as_it_is_saves_nothing(data: Database, client: Client) -> None:
    data.execute(FREE_TEXT)
    assert "was changed successfully" in text_of(save(client, **START))
    assert data.fetch(WHERE) == []


def test_a_start_that_is_put_in_order_becomes_an_address_and_the_text_stays(
    data: Database, client: Client
) -> None:
    data.execute(FREE_TEXT)
    parts = {"street_address": "5 Ruby Row", "zip_code": "1050", "city": "Brussels"}
    assert "was changed successfully" in text_of(save(client, **parts, country="Belgium"))
    assert data.fetch(WHERE) == [("5 Ruby Row", "1050", "Brussels", "", "Belgium")]
    assert data.value("SELECT address FROM companies WHERE id = 4").startswith("5 Ruby Row")


@pytest.mark.parametrize(
    ("country", "state", "zip_code", "told"),
    [
        ("USA", "", "12345", "An address in USA has a state."),
        ("", "", "12345", "An address in USA has a state."),
        ("canada", "", "12345", "An address in canada has a state."),
        ("Iceland", "", "10", "3 characters"),
    ],
)
def test_what_an_address_lacks_is_said_and_what_was_typed_stays(
    data: Database, client: Client, country: str, state: str, zip_code: str, told: str
) -> None:
    parts = {"street_address": "5 Ruby Row", "city": "Anywhere", "country": country}
    answer = save(client, **parts, state=state, zip_code=zip_code)
    assert told in text_of(answer)
    assert 'value="5 Ruby Row"' in answer.content.decode()
    assert data.fetch(WHERE) == []


@pytest.mark.parametrize("zip_code", ["101", "1050"])
def test_a_zip_code_of_three_characters_is_enough(
    data: Database, client: Client, zip_code: str
) -> None:
    parts = {"street_address": "5 Ruby Row", "city": "Anywhere", "country": "Iceland"}
    save(client, **parts, zip_code=zip_code)
    assert data.fetch(WHERE) == [("5 Ruby Row", zip_code, "Anywhere", "", "Iceland")]


@pytest.mark.parametrize("key", ["unwanted", "-1", "9" * 5000])
def test_what_is_no_key_in_the_url_fills_in_nothing(client: Client, key: str) -> None:
    for page, name in ((ORDERS, "contact"), (CONTACTS, "company")):
        answer = client.get(f"{page}add/", {name: key})
        assert answer.status_code == 200
        assert not answer.context["adminform"].form.initial.get(name)


def test_a_key_in_the_url_is_filled_in(client: Client) -> None:
    assert "Ben, ben@example.com" in text_of(client.get(f"{ORDERS}add/", {"contact": "12"}))
