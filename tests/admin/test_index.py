"""The index: what is left to settle, and what it says before the database is migrated."""

import re
import shutil
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import RestructuringRun
from contacts.settling.models import Action
from contacts.settling.settlement import DROP, Answer, settle
from contacts.settling.undoing import undo
from orders.decisions import Decisions, decide, want_none
from orders.linking import Link
from tests.support.admin.pages import (
    COMPANIES,
    CONTACTS,
    LINK,
    ORDERS,
    REASSIGN,
    client_of,
    text_of,
)
from tests.support.database.databases import Database
from tests.support.runs.command import assert_migrates, run, run_into

RUNS = "/admin/contacts/restructuringrun/"


def left(client: Client) -> dict[str, dict[str, int]]:
    """Return the dashboard: tenant, label, number."""
    found = client.get("/admin/").context["dashboard"]
    return {
        tenant.name: {item.subject.label: item.number for item in tenant.items}
        for tenant in found.tenants
    }


def test_it_counts_what_is_left_for_each_tenant(data: Database, client: Client) -> None:
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format")
    data.execute("ALTER TABLE addresses DROP CONSTRAINT ck_addresses_zip_format")
    data.execute("UPDATE contacts SET phone = '1' WHERE id IN (12, 13)")
    data.execute("UPDATE addresses SET zip_code = '1' WHERE id = 33")
    phones = "contacts whose phone breaks a rule (ck_contacts_phone_format)"
    assert left(client) == {
        "Aurum": {
            "contacts still where the migration placed them": 3,
            "duplicate e-mails set aside": 1,
            phones: 1,
            "orders without a contact": 1,
        },
        "Bijou": {
            phones: 1,
            "addresses whose zip code breaks a rule (ck_addresses_zip_format)": 1,
        },
    }


def test_likely_duplicates_are_left_and_orders_that_want_no_contact_are_done(
    data: Database, client: Client
) -> None:
    data.execute("UPDATE contacts SET email = 'BEN@example.com' WHERE id = 11")
    want_none([24], user_id=User.objects.get().pk)
    assert left(client) == {
        "Aurum": {
            "contacts still where the migration placed them": 3,
            "duplicate e-mails set aside": 1,
            "contacts likely to be duplicates: e-mails like a colleague's": 2,
        },
    }
    shown = text_of(client.get("/admin/"))
    assert "Aurum 6 left, 1 done" in shown
    assert "1 order marked as wanting no contact" in shown


def test_an_order_is_done_once_whatever_was_decided_of_it_before(data: Database) -> None:
    client = client_of(superuser=True)
    user_id = User.objects.get().pk
    decide(Decisions(links=(Link(24, 12, 2),)), user_id=user_id)
    undo(Action.objects.get().pk, user_id=user_id)
    assert "1 order without a contact" in text_of(client.get("/admin/"))
    want_none([24], user_id=user_id)
    shown = text_of(client.get("/admin/"))
    assert "Aurum 4 left, 1 done" in shown
    assert "linked to a contact" not in shown


def test_the_sum_names_its_subjects_in_the_order_of_every_tenant(
    data: Database, client: Client
) -> None:
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format")
    data.execute("UPDATE contacts SET phone = '1' WHERE id IN (12, 13)")
    found = client.get("/admin/").context["dashboard"]
    for left_there in (found.whole, *found.tenants):
        labels = [item.subject.label for item in left_there.items]
        assert labels == [one.label for one in found.subjects if one.label in labels]


def test_every_number_leads_to_a_list_of_as_many(data: Database, client: Client) -> None:
    data.execute("UPDATE contacts SET email = 'BEN@example.com' WHERE id = 11")
    data.execute("ALTER TABLE contacts DROP CONSTRAINT ck_contacts_phone_format")
    data.execute("ALTER TABLE addresses DROP CONSTRAINT ck_addresses_zip_format")
    data.execute("UPDATE contacts SET phone = '1' WHERE id IN (12, 13)")
    data.execute("UPDATE addresses SET zip_code = '1' WHERE id = 33")
    for tenant in client.get("/admin/").context["dashboard"].tenants:
        for item in tenant.items:
            assert client.get(item.url).context["cl"].result_count == item.number, item.url


def test_the_longest_bar_is_the_tenant_with_most_left(client: Client) -> None:
    [aurum] = client.get("/admin/").context["dashboard"].tenants
    assert sum(item.width for item in aurum.items) == pytest.approx(100)


def test_of_many_tenants_it_shows_the_sum_the_ten_with_most_left_and_a_search(
    data: Database,
) -> None:
    data.execute("""
        INSERT INTO tenants (id, name, subdomain)
        SELECT 1000 + n, 'Workshop ' || n, 'w' || n FROM generate_series(1, 300) AS n;
        INSERT INTO companies (id, tenant_id, name)
        SELECT 1000 + n, 1000 + n, 'C' FROM generate_series(1, 300) AS n;
        INSERT INTO orders (tenant_id, company_id, order_number, customer_name)
        SELECT 1000 + n, 1000 + n, 'T-' || n || '-' || m, 'x'
          FROM generate_series(1, 300) AS n, generate_series(1, n % 50) AS m;
    """)
    client = client_of(superuser=True)
    page = client.get("/admin/")
    found = page.context["dashboard"]
    assert [tenant.total for tenant in found.tenants] == [49] * 6 + [48] * 4
    [orders] = [item for item in found.whole.items if "orders" in item.subject.label]
    assert (found.unfinished, orders.number) == (295, 1 + 6 * sum(range(50)))
    assert client.get(orders.url).context["cl"].result_count == orders.number
    assert f"{orders.number:,} orders without a contact" in text_of(page)
    assert not client.get("/admin/?tenant=nobody").context["dashboard"].tenants
    searched = client.get("/admin/?tenant=W149").context["dashboard"]
    assert [(tenant.name, tenant.total) for tenant in searched.tenants] == [("Workshop 149", 49)]


def test_it_says_how_many_placed_contacts_are_settled_already(data: Database) -> None:
    data.execute("UPDATE contacts SET company_id = 4 WHERE id = 11")
    assert "1 placed contact settled already" in text_of(client_of(superuser=True).get("/admin/"))


def test_it_tells_done_and_left_of_each_tenant(data: Database) -> None:
    client = client_of(superuser=True)
    user_id = User.objects.get().pk
    data.execute("UPDATE contacts SET company_id = 4 WHERE id = 11")
    settle(14, Answer(DROP), shown="ada@example.com", user_id=user_id)
    data.execute("""
        INSERT INTO orders (id, tenant_id, company_id, order_number, customer_name)
        VALUES (25, 1, 1, 'A-25', 'x'), (26, 1, 1, 'A-26', 'x')
    """)
    decide(Decisions(links=(Link(24, 12, 2), Link(25, 12, 2))), user_id=user_id)
    shown = text_of(client.get("/admin/"))
    assert "3 in 1 tenant, until the migration counts as settled; 4 done." in shown
    assert "Aurum 3 left, 4 done" in shown
    for told in ("1 placed contact settled already", "1 duplicate e-mail settled"):
        assert told in shown
    assert "2 orders linked to a contact" in shown
    data.execute("UPDATE orders SET contact_id = NULL WHERE id = 25")
    assert "1 order linked to a contact" in text_of(client.get("/admin/"))


def test_when_nothing_is_left_it_says_so(data: Database) -> None:
    data.execute("UPDATE contacts SET placed_in_company_id = NULL, email_set_aside = NULL")
    data.execute("DELETE FROM orders WHERE contact_id IS NULL")
    assert "Nothing is left to settle" in text_of(client_of(superuser=True).get("/admin/"))


def test_viewers_see_only_what_they_may_see(data: Database) -> None:
    assert left(client_of("orders.view_order")) == {"Aurum": {"orders without a contact": 1}}
    nobody = client_of()
    assert "Left to settle" not in text_of(nobody.get("/admin/"))
    assert "Nothing is left" not in text_of(nobody.get("/admin/"))


def test_it_takes_as_many_queries_for_many_tenants_as_for_one(data: Database) -> None:
    client = client_of(superuser=True)
    client.get("/admin/")
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/")
    data.run_script("""
        INSERT INTO tenants (id, name, subdomain)
        SELECT 100 + n, 'T' || n, 't' || n FROM generate_series(1, 50) AS n;
        INSERT INTO companies (id, tenant_id, name, is_default)
        SELECT 100 + n, 100 + n, 'Default Company', true FROM generate_series(1, 50) AS n;
        INSERT INTO contacts (tenant_id, company_id, placed_in_company_id, name)
        SELECT 100 + n, 100 + n, 100 + n, 'x' FROM generate_series(1, 50) AS n;
    """)
    with CaptureQueriesContext(connection) as many:
        client.get("/admin/")
    assert len(many) == len(few)


def test_a_run_is_shown_and_cannot_be_written(sample: Database, tmp_path: Any) -> None:
    assert_migrates(tmp_path)
    ContentType.objects.clear_cache()
    made = RestructuringRun.objects.get()
    client = client_of(superuser=True)
    shown = text_of(client.get(f"{RUNS}{made.pk}/change/"))
    for part in ("Migration", made.operating_system_user, "customers, before", "contacts placed"):
        assert part in shown
    orphans = next(check for check in made.checks if check["id"] == "orphaned_customers")
    assert f"warning: {orphans['rows'][0]} (and {orphans['count'] - 1} more)" in shown
    counted = next(check for check in made.checks if check["id"] == "customer_count")
    assert f"passed: {counted['note']}" in shown
    RestructuringRun.objects.update(counts={"orders": 1234567})
    assert "1,234,567" in text_of(client.get(f"{RUNS}{made.pk}/change/"))
    RestructuringRun.objects.update(counts=made.counts)
    assert "Migration" in text_of(client.get(RUNS))
    assert client.get(f"{RUNS}add/").status_code == 403
    assert client.get(f"{RUNS}{made.pk}/delete/").status_code == 403
    assert client.post(f"{RUNS}{made.pk}/change/", {"kind": "rollback"}).status_code == 403
    listed = {"action": "delete_selected", "_selected_action": [str(made.pk)], "post": "yes"}
    client.post(RUNS, listed)
    assert RestructuringRun.objects.get() == made


def test_a_run_leads_to_its_report_and_its_backup_and_to_no_other_file(
    sample: Database, tmp_path: Any
) -> None:
    assert run("--noinput", "--backup-dir", str(tmp_path)).code == 0
    ContentType.objects.clear_cache()
    made = RestructuringRun.objects.get()
    client = client_of("contacts.view_restructuringrun")
    page = client.get(f"{RUNS}{made.pk}/change/")
    report, manifest = re.findall(r'href="([^"]+/file/[^"]+)"', page.content.decode())
    assert made.backup_path in text_of(page)
    for url, told in ((report, "<!doctype html>"), (manifest, '"tables"')):
        answer: Any = client.get(url)
        assert told in b"".join(answer.streaming_content).decode().lower()
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        answer.close()
        assert client_of("contacts.view_contact").get(url).status_code == 403
    (tmp_path / "secret.html").write_text("a secret")
    for name in ("secret.html", "..%2Fsecret.html", "customers.jsonl.gz"):
        answer = client.get(f"{RUNS}{made.pk}/file/{name}", follow=True)
        assert not answer.streaming, name
        assert "a secret" not in text_of(answer), name
    shutil.rmtree(tmp_path)
    assert "not on this machine" in text_of(client.get(f"{RUNS}{made.pk}/change/"))
    assert client.get(report).status_code == 404


def test_the_runs_can_be_read_after_a_rollback(sample: Database, tmp_path: Any) -> None:
    for mode in ("--skip-backup", "--rollback"):
        assert run_into(tmp_path, mode).code == 0
    ContentType.objects.clear_cache()
    client = client_of("contacts.view_restructuringrun")
    listed = {str(run.kind) for run in client.get(RUNS).context["cl"].result_list}
    assert listed == {"migration", "rollback"}
    rollback = RestructuringRun.objects.get(kind="rollback")
    shown = text_of(client.get(f"{RUNS}{rollback.pk}/change/"))
    for part in ("Rollback", rollback.operating_system_user, "customers, before", "passed"):
        assert part in shown, part
    assert client.get(CONTACTS, follow=True).redirect_chain[-1][0] == "/admin/"


PAGES = (
    CONTACTS,
    ORDERS,
    COMPANIES,
    REASSIGN,
    LINK,
    f"{CONTACTS}1/change/",
    f"{COMPANIES}add/",
    "/admin/companies/tenant/",
    f"{CONTACTS}1/settle-email/",
    RUNS,
    f"{RUNS}1/change/",
)


def test_before_the_migration_the_index_says_so_and_no_page_is_a_server_error(
    legacy: Database,
) -> None:
    for app in ("auth", "admin", "sessions"):
        call_command("migrate", app, verbosity=0)
    ContentType.objects.clear_cache()
    client = Client()
    client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    index = text_of(client.get("/admin/"))
    assert "The database is not migrated yet" in index
    assert "Restructuring runs" not in index
    for page in PAGES:
        answer = client.get(page, follow=True)
        assert answer.redirect_chain[-1][0] == "/admin/", page
        assert "The database is not migrated yet" in text_of(answer)


def test_without_the_tables_of_users_every_page_says_why(legacy: Database) -> None:
    client = Client()
    client.cookies["sessionid"] = "of-another-time"
    for page in ("/admin/", "/admin/login/", CONTACTS):
        answer = client.get(page)
        assert answer.status_code == 503
        assert "nobody can log in" in text_of(answer)
