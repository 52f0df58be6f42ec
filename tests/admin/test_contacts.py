"""A contact's own pages: its form, its set-aside e-mail, its deletion."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from tests.support.admin.pages import CONTACTS, text_of
from tests.support.database.databases import Database

SETTLE = f"{CONTACTS}14/settle-email/"
EMAILS = "SELECT email, email_set_aside FROM contacts WHERE id = 14"


def settle(client: Client, decision: str, **more: str) -> Any:
    return client.post(
        SETTLE, {"decision": decision, "shown": "ada@example.com", **more}, follow=True
    )


def test_the_conflict_is_shown(client: Client) -> None:
    shown = text_of(client.get(SETTLE))
    assert "In Default Company it belongs to: Ada (contact 11)" in shown


def test_an_email_is_not_restored_while_another_contact_has_it(
    data: Database, client: Client
) -> None:
    shown = text_of(settle(client, "restore"))
    assert "Contact 11 (Ada) of the same company has the e-mail ada@example.com already" in shown
    assert data.fetch(EMAILS) == [(None, "ada@example.com")]


def test_an_email_is_restored_once_it_is_free(data: Database, client: Client) -> None:
    data.execute("UPDATE contacts SET company_id = 4 WHERE id = 14")
    assert "can be restored" in text_of(client.get(SETTLE))
    settle(client, "restore")
    assert data.fetch(EMAILS) == [("ada@example.com", None)]
    assert "ada@example.com that was set aside (restore)" in LogEntry.objects.get().change_message


def test_an_email_is_changed(data: Database, client: Client) -> None:
    settle(client, "change", email="dan@example.com")
    assert data.fetch(EMAILS) == [("dan@example.com", None)]


@pytest.mark.parametrize(
    ("email", "told"),
    [
        ("", "Enter the contact's new e-mail"),
        ("dan", "Enter an e-mail address"),
        ("ben@example.com", "(Eve)"),
    ],
)
def test_an_email_is_not_changed_to_what_cannot_be(
    data: Database, client: Client, email: str, told: str
) -> None:
    assert told in text_of(settle(client, "change", email=email))
    assert data.fetch(EMAILS) == [(None, "ada@example.com")]


def test_a_dropped_email_stays_in_the_history(data: Database, client: Client) -> None:
    settle(client, "drop")
    assert data.fetch(EMAILS) == [(None, None)]
    assert "ada@example.com" in LogEntry.objects.get().change_message


def test_an_empty_email_can_be_settled(data: Database, client: Client) -> None:
    data.execute("UPDATE contacts SET email_set_aside = '' WHERE id = 14")
    assert "duplicate e-mail (empty) set aside" in text_of(client.get(CONTACTS))
    assert "(empty)" in text_of(client.get(SETTLE))
    assert "Enter the contact's new e-mail" in text_of(settle(client, "restore", shown=""))
    assert data.fetch(EMAILS) == [(None, "")]
    settle(client, "drop", shown="")
    assert data.fetch(EMAILS) == [(None, None)]
    assert "Settled the e-mail (empty)" in LogEntry.objects.get().change_message


def test_what_was_settled_meanwhile_is_not_settled_again(data: Database, client: Client) -> None:
    data.execute("UPDATE contacts SET email_set_aside = 'other@example.com' WHERE id = 14")
    assert "settled meanwhile" in text_of(settle(client, "drop"))
    assert data.fetch(EMAILS) == [(None, "other@example.com")]


def test_a_form_without_a_decision_is_shown_again(client: Client) -> None:
    assert client.post(SETTLE, {"shown": "ada@example.com"}).status_code == 200
    assert client.post(SETTLE, {}).status_code == 200


def test_a_contact_without_a_set_aside_email_has_nothing_to_settle(client: Client) -> None:
    assert client.get(f"{CONTACTS}11/settle-email/").status_code == 302
    assert client.get(f"{CONTACTS}99/settle-email/").status_code == 404


def change(client: Client, **values: str) -> Any:
    given = {"name": "Ada", "email": "ada@example.com", "phone": "", **values}
    return client.post(f"{CONTACTS}11/change/", given, follow=True)


def test_the_form_neither_moves_a_contact_nor_changes_its_tenant(
    data: Database, client: Client
) -> None:
    change(client, name="Ada L", company="2", tenant="2")
    found = data.fetch("SELECT name, company_id, tenant_id FROM contacts WHERE id = 11")
    assert found == [("Ada L", 1, 1)]


def test_an_email_that_is_taken_is_an_error_of_the_form(data: Database, client: Client) -> None:
    shown = text_of(change(client, email="ben@example.com"))
    assert "A contact of this company has this e-mail already." in shown


def test_a_value_that_breaks_a_rule_need_not_be_put_right_to_change_another(
    data: Database, client: Client
) -> None:
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format")
    data.execute("UPDATE contacts SET phone = '1' WHERE id = 11")
    change(client, name="Ada L", phone="1")
    assert data.value("SELECT name FROM contacts WHERE id = 11") == "Ada L"
    assert "The phone needs 10 characters" in text_of(change(client, phone="12"))
    assert data.value("SELECT phone FROM contacts WHERE id = 11") == "1"


def test_a_rule_in_force_is_told_without_the_row_that_breaks_it(
    data: Database, client: Client
) -> None:
    data.run_script("""
        ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format;
        UPDATE contacts SET phone = '1' WHERE id = 11;
        ALTER TABLE contacts ADD CONSTRAINT ck_contacts_phone_format
            CHECK (length(phone) >= 10) NOT VALID;
    """)
    shown = text_of(change(client, name="Ada L", phone="1"))
    assert "The phone needs 10 characters or more. Name:" in shown
    assert data.value("SELECT name FROM contacts WHERE id = 11") == "Ada"


def test_what_a_trigger_refuses_is_an_error_of_the_form(data: Database, client: Client) -> None:
    data.run_script("""
        CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'Contact % is under audit', NEW.id USING HINT = 'Ask.'; END $$;
        CREATE TRIGGER veto BEFORE UPDATE ON contacts FOR EACH ROW EXECUTE FUNCTION veto();
    """)
    answer = change(client, name="Ada L")
    assert answer.status_code == 200
    assert "Contact 11 is under audit. Ask." in text_of(answer)
    assert 'value="Ada L"' in answer.content.decode(), "what was typed is kept"
    assert not LogEntry.objects.exists()


def test_a_new_contact_gets_its_companys_tenant(data: Database, client: Client) -> None:
    client.post(f"{CONTACTS}add/", {"company": "3", "name": "Fay", "email": "", "phone": ""})
    assert data.fetch("SELECT tenant_id, email FROM contacts WHERE name = 'Fay'") == [(2, None)]


def test_deleting_a_contact_says_what_becomes_of_its_orders(data: Database, client: Client) -> None:
    assert "1 order will have no contact any more" in text_of(client.get(f"{CONTACTS}11/delete/"))
    client.post(f"{CONTACTS}11/delete/", {"post": "yes"})
    assert data.fetch("SELECT contact_id, company_id FROM orders WHERE id = 21") == [(None, 1)]
