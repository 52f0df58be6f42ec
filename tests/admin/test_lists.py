"""The lists: what they show, how they filter and count, and that they stay quick."""

import csv
import io
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from jmsk.adminsite.export import safe_cell
from tests.support.admin.pages import COMPANIES, CONTACTS, ORDERS, text_of
from tests.support.database.databases import Database

LISTS = [CONTACTS, ORDERS, COMPANIES]
MANY = """
INSERT INTO companies (id, tenant_id, name)
SELECT 1000 + n, 1, 'C' || n FROM generate_series(1, 200) AS n;
INSERT INTO contacts (id, tenant_id, company_id, placed_in_company_id, name)
SELECT 1000 + n, 1, 1000 + n, 1, 'Contact ' || n FROM generate_series(1, 200) AS n;
INSERT INTO orders (tenant_id, contact_id, order_number, customer_name)
SELECT 1, 1000 + n, 'N-' || n, 'x' FROM generate_series(1, 200) AS n;
"""
SLOW = """
CREATE FUNCTION slow(text) RETURNS text LANGUAGE sql AS 'SELECT $1 FROM pg_sleep(60)';
ALTER TABLE contacts RENAME TO contacts_kept;
CREATE VIEW contacts AS SELECT * FROM contacts_kept WHERE slow(name) IS NOT NULL;
"""


def names(client: Client, url: str) -> set[str]:
    """Return the objects that a list shows."""
    answer = client.get(url)
    assert answer.status_code == 200, url
    return {str(row) for row in answer.context["cl"].result_list}


def rows_of(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("url", LISTS)
def test_a_list_takes_as_many_queries_for_200_rows_as_for_few(
    data: Database, client: Client, url: str
) -> None:
    client.get(url)
    with CaptureQueriesContext(connection) as few:
        client.get(url)
    data.run_script(MANY)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few) <= 20


def test_the_list_says_why_a_contact_needs_attention(data: Database, client: Client) -> None:
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format")
    data.execute("UPDATE contacts SET phone = '1' WHERE id = 12")
    shown = text_of(client.get(CONTACTS))
    assert (
        "still where the migration placed it; duplicate e-mail ada@example.com set aside" in shown
    )
    assert "the phone breaks a rule" in shown


@pytest.mark.parametrize("url", [CONTACTS, f"{CONTACTS}12/change/", f"{COMPANIES}4/change/"])
def test_what_needs_no_attention_is_not_said_to_need_none(client: Client, url: str) -> None:
    assert "None" not in text_of(client.get(url))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("placed=still", {"Ada", "Dan"}),
        ("placed=settled", {"Eve"}),
        ("placed=no", {"Ben", "Cleo"}),
        ("set_aside=yes", {"Dan"}),
        ("set_aside=no", {"Ada", "Ben", "Cleo", "Eve"}),
        ("breaks=ck_contacts_phone_format", {"Ben"}),
        ("breaks=ck_contacts_email_format", {"Cleo"}),
        ("breaks=any", {"Ben", "Cleo"}),
        ("breaks=none", {"Ada", "Dan", "Eve"}),
        ("tenant__id__exact=2", {"Cleo"}),
        ("tenant__id__exact=1&id__in=11,13", {"Ada"}),
        ("tenant=BIJ", {"Cleo"}),
        ("tenant=no+tenant+of+this+name", set()),
        ("tenant=+", {"Ada", "Ben", "Cleo", "Dan", "Eve"}),
        ("q=ada", {"Ada", "Dan"}),
        ("q=ben@", {"Ben", "Eve"}),
        ("q=opal", {"Cleo"}),
        ("q=%00", {"Ada", "Ben", "Cleo", "Dan", "Eve"}),
    ],
)
def test_contacts_are_filtered_and_found(
    data: Database, client: Client, query: str, expected: set[str]
) -> None:
    data.run_script("""
        ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format,
            DROP CONSTRAINT ck_contacts_email_format;
        UPDATE contacts SET phone = '1' WHERE id = 12;
        UPDATE contacts SET email = 'cleo' WHERE id = 13;
        UPDATE contacts SET company_id = 4 WHERE id = 15;
    """)
    assert names(client, f"{CONTACTS}?{query}") == expected


def test_emails_of_colleagues_that_differ_in_case_only_are_likely_duplicates(
    data: Database, client: Client
) -> None:
    data.execute("UPDATE contacts SET email = 'BEN@example.com' WHERE id = 11")
    told = "likely a duplicate: a colleague's e-mail is the same but for upper and lower case"
    assert names(client, f"{CONTACTS}?set_aside=alike") == {"Ada", "Eve"}
    assert text_of(client.get(CONTACTS)).count(told) == 2
    assert told in text_of(client.get(f"{CONTACTS}11/change/"))
    rows = rows_of(export(client, f"{CONTACTS}?set_aside=alike"))[1:]
    assert [(row[1], told in row[2]) for row in rows] == [("Ada", True), ("Eve", True)]


def test_the_same_email_in_another_company_or_none_at_all_is_no_duplicate(
    data: Database, client: Client
) -> None:
    data.execute("UPDATE contacts SET email = 'EVE@example.com' WHERE id = 12")
    data.execute("UPDATE contacts SET email = NULL WHERE id IN (11, 14)")
    assert names(client, f"{CONTACTS}?set_aside=alike") == set()


def test_filters_count_what_they_would_show(client: Client) -> None:
    shown = text_of(client.get(f"{CONTACTS}?_facets=True"))
    for counted in ("still in the default company (3)", "not placed (2)", "set aside (1)"):
        assert counted in shown


def test_a_rule_that_is_proved_is_no_filter(client: Client) -> None:
    assert "By broken rule" not in text_of(client.get(CONTACTS))


@pytest.mark.parametrize(
    "url",
    [
        f"{CONTACTS}?placed=bogus",
        f"{CONTACTS}?breaks=ck_contacts_phone_format",
        f"{CONTACTS}?tenant__id__exact=x",
        f"{ORDERS}?status__exact=MELTED",
        f"{ORDERS}?status__in=PENDING,MELTED",
        f"{ORDERS}?status__gt=MELTED",
        f"{ORDERS}?status__exact=%00",
        f"{ORDERS}?metal_type__exact=TIN",
        f"{ORDERS}?contact=perhaps",
        f"{COMPANIES}?default=perhaps",
        f"{CONTACTS}?email__regex=[",
        f"{ORDERS}?customer_name__regex=(.*)(.*)\\2\\1$",
        f"{CONTACTS}?id__range=1",
        f"{CONTACTS}?created_at__year=99999999999",
        f"{CONTACTS}?company__name__startswith=A",
        f"{CONTACTS}?company__id__in=1,x",
        f"{CONTACTS}?tenant__id__exact=-1",
        "/admin/companies/tenant/?name__regex=(",
        "/admin/contacts/restructuringrun/?backup_path__regex=(",
    ],
)
def test_a_filter_that_is_not_offered_or_means_nothing_is_refused_in_words(
    client: Client, url: str
) -> None:
    answer = client.get(url)
    assert answer.status_code == 400
    assert "something that it does not offer" in text_of(answer)


@pytest.mark.parametrize(
    "url",
    [
        f"{CONTACTS}?company__id__in=1,2",
        f"{ORDERS}?contact__id__in=11",
        f"{ORDERS}?tenant__id__exact=1&status__exact=PENDING&metal_type__isnull=True",
        f"{COMPANIES}?tenant__id__in=1&default=no&_popup=1&_to_field=id&o=1&p=1&all=",
        f"{COMPANIES}?tenant__id__exact=99999999999",
        "/admin/contacts/restructuringrun/?kind__exact=migration",
    ],
)
def test_filters_that_are_offered_or_linked_to_are_taken(client: Client, url: str) -> None:
    assert client.get(url).status_code == 200


def test_a_list_that_takes_too_long_is_broken_off_in_words(
    data: Database, client: Client, settings: Any
) -> None:
    settings.ADMIN_STATEMENT_TIMEOUT = 1
    data.execute(SLOW)
    answer = client.get(CONTACTS)
    assert answer.status_code == 503
    assert "took longer than a page may take" in text_of(answer)


def test_timestamps_beyond_pythons_range_break_no_page(data: Database, client: Client) -> None:
    data.execute(
        "UPDATE orders SET due_date = 'infinity', created_at = '20000-01-01' WHERE id = 21"
    )
    data.execute(
        "UPDATE orders SET due_date = '-infinity', created_at = '0044-03-15 BC' WHERE id = 22"
    )
    data.execute("UPDATE contacts SET created_at = '20000-01-01', updated_at = '-infinity'")
    for url in (
        ORDERS,
        f"{ORDERS}21/change/",
        f"{ORDERS}22/change/",
        CONTACTS,
        f"{CONTACTS}11/change/",
    ):
        assert client.get(url).status_code == 200, url
    export = {"action": "export_as_csv", "_selected_action": ["21", "22"], "index": "0"}
    assert len(rows_of(client.post(ORDERS, export))) == 3
    client.post(
        f"{ORDERS}21/change/",
        {
            "order_number": "A-21",
            "customer_name": "Ada Lovelace",
            "due_date_0": "9999-12-31",
            "due_date_1": "23:59:59",
        },
    )
    told = "SELECT customer_name, due_date::text, created_at::text FROM orders WHERE id = 21"
    assert data.fetch(told) == [("Ada Lovelace", "infinity", "20000-01-01 00:00:00")]


def export(client: Client, url: str, *keys: str) -> Any:
    chosen = {"_selected_action": keys} if keys else {"_selected_action": ["0"], "select_across": 1}
    return client.post(url, {"action": "export_as_csv", "index": "0", **chosen})


def test_the_export_holds_the_columns_and_the_filtered_rows(client: Client) -> None:
    answer = export(client, f"{CONTACTS}?placed=still")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    head, *rows = rows_of(answer)
    assert [name.lower() for name in head] == [
        "id",
        "name",
        "needs attention",
        "tenant",
        "company",
        "email",
        "phone",
        "orders",
    ]
    assert [row[1] for row in rows] == ["Ada", "Dan", "Eve"]
    assert rows[0][3:] == ["Aurum", "Default Company", "ada@example.com", "", "1"]


@pytest.mark.parametrize("email", ["a.b-c_d@example.com", "a&b<i>/c@example.com", "@.@"])
def test_an_email_is_exported_as_it_is_wherever_its_column_may_break(
    data: Database, client: Client, email: str
) -> None:
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_email_format")
    data.execute("UPDATE contacts SET email = %s WHERE id = 11", [email])
    assert rows_of(export(client, CONTACTS, "11"))[1][5].removeprefix("'") == email
    assert email in text_of(client.get(CONTACTS))


def test_the_export_holds_the_ticked_rows_only(client: Client) -> None:
    assert [row[1] for row in rows_of(export(client, CONTACTS, "12", "15"))[1:]] == ["Ben", "Eve"]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+A1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "  =1", "＝1", '"=1', "+1|cmd"],  # noqa: RUF001
)
def test_a_formula_is_escaped(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("x;=HYPERLINK(1)", "x;'=HYPERLINK(1)"),
        ("x; =1;-2", "x;' =1;'-2"),
        ("x\t@A1", "x\t'@A1"),
        ("x\n=1", "x\n'=1"),
        ('x;"=1"', 'x;\'"=1"'),
        ("+49 30 1;=1", "+49 30 1;'=1"),
    ],
)
def test_a_formula_is_escaped_wherever_something_separates_cells(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


@pytest.mark.parametrize("text", ["+49 30 1234567", "+49 (30) 12/34-5", "+1.555.0100;+4930"])
def test_a_phone_number_carries_no_apostrophe(text: str) -> None:
    assert safe_cell(text) == text


def test_numbers_and_plain_text_are_not_escaped() -> None:
    assert [safe_cell(value) for value in (-1, -1.5, "a=b", "", None)] == [-1, -1.5, "a=b", "", ""]


def test_an_export_escapes_what_is_in_the_table(data: Database, client: Client) -> None:
    data.execute("UPDATE contacts SET name = '=HYPERLINK(1)' WHERE id = 11")
    assert rows_of(export(client, CONTACTS, "11"))[1][1] == "'=HYPERLINK(1)"


def test_an_export_is_recorded_and_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "contacts.restructuring"):
        export(client, f"{CONTACTS}?placed=still").close()
    entry = LogEntry.objects.get()
    assert entry.change_message == "Exported 3 rows as CSV (filters: placed=still)."
    assert "exported 3 rows of contacts (filters: placed=still)" in caplog.text


def test_an_action_button_serves_those_without_javascript(client: Client) -> None:
    shown = text_of(client.get(f"{CONTACTS}?placed=still"))
    assert "Reassign to company: all 3 matching" in shown
    assert "Export as CSV: all 3 matching" in shown
