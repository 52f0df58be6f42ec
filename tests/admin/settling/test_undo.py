"""What a person did last is undone as a whole, unless somebody has changed something since."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.settling.models import Action
from jmsk.access.tenants import limit
from tests.support.admin.pages import CONTACTS, REASSIGN, client_of, confirm, ended_of, text_of
from tests.support.database.databases import Database
from tests.support.project import PROJECT

UNDO = f"{CONTACTS}undo/"
PROPOSE = f"{CONTACTS}propose/"
REASSIGNS = (
    "contacts.view_contact",
    "contacts.reassign_contact",
    "companies.view_company",
    "companies.add_company",
)
PLACES = "SELECT id, company_id FROM contacts ORDER BY id"


@pytest.fixture
def client(data: Database) -> Client:
    return client_of(*REASSIGNS)


def moved(client: Client, **target: Any) -> Any:
    return confirm(client, client.get(REASSIGN, {"ids": "11,15", **target}))


def state(data: Database) -> list[Any]:
    columns = "id, tenant_id, company_id, contact_id"
    return [
        data.fetch("SELECT to_jsonb(t) - 'updated_at' FROM contacts AS t ORDER BY id"),
        data.fetch(f"SELECT {columns} FROM orders ORDER BY id"),
        data.fetch("SELECT to_jsonb(t) FROM companies AS t ORDER BY id"),
    ]


def last(client: Client) -> Any:
    return client.get(UNDO, follow=True)


def undo(client: Client, answer: Any) -> Any:
    return client.post(answer.request["PATH_INFO"], follow=True)


@pytest.mark.parametrize("target", [{"company": "4"}, {"new_company": "Brand New"}])
def test_a_reassignment_is_undone_with_its_orders_and_its_company(
    data: Database, client: Client, target: dict[str, str]
) -> None:
    before = state(data)
    answer = moved(client, **target)
    assert f'<a href="{UNDO}">Undo…</a>' in answer.content.decode()
    assert state(data) != before

    page = last(client)
    assert "Reassigned 2 contacts to" in text_of(page)
    assert state(data) != before, "nothing is undone by looking"
    done = undo(client, page)

    assert "Undone: Reassigned 2 contacts to" in text_of(done)
    assert state(data) == before
    told = LogEntry.objects.filter(change_message__startswith="Undone: Reassigned 2")
    assert {entry.object_id for entry in told} == {"11", "15"}


def test_what_was_moved_in_the_background_is_undone_too(
    data: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.admin.reassign.MOVED_WHILE_THE_PAGE_WAITS", 1)
    before = state(data)
    ended = ended_of(client, moved(client, company="4"))
    assert f'<a href="{UNDO}">Undo…</a>' in ended.content.decode()
    assert state(data) != before
    undo(client, last(client))
    assert state(data) == before


def test_accepted_proposals_are_undone_together(data: Database, client: Client) -> None:
    before = state(data)
    chosen = {"contact_11": "1:4", "contact_15": "1:2"}
    data.execute("UPDATE contacts SET email = NULL WHERE id = 12")
    before = state(data)
    client.post(PROPOSE, {"filters": "placed=still", **chosen})
    assert state(data) != before
    undo(client, last(client))
    assert state(data) == before


def test_it_is_undone_once(data: Database, client: Client) -> None:
    moved(client, company="4")
    page = last(client)
    undo(client, page)
    after = state(data)
    assert "This was undone already" in text_of(undo(client, page))
    assert "nothing that can be undone" in text_of(last(client))
    assert state(data) == after


CHANGES = {
    "edited": ("UPDATE contacts SET phone = '0300000000' WHERE id = 15", "contact 15"),
    "moved on": ("UPDATE contacts SET company_id = 2, email = NULL WHERE id = 15", "contact 15"),
    "gone": ("DELETE FROM contacts WHERE id = 15", "contact 15 (gone)"),
}


@pytest.mark.parametrize(("write", "named"), CHANGES.values(), ids=CHANGES)
def test_it_is_not_undone_over_another_change_which_is_named(
    data: Database, client: Client, write: str, named: str
) -> None:
    moved(client, company="4")
    page = last(client)
    data.execute(write)
    before = state(data)

    refused = undo(client, page)

    assert refused.status_code == 400
    assert f"Changed since, so this cannot be undone: {named}." in text_of(refused)
    shown = text_of(last(client))
    assert f"somebody has changed since: {named}" in shown
    assert "Undo this" not in last(client).content.decode()
    assert state(data) == before


def test_a_company_that_is_used_by_now_is_not_taken_away(data: Database, client: Client) -> None:
    moved(client, new_company="Brand New")
    data.execute(
        "INSERT INTO contacts (tenant_id, company_id, name) "
        "SELECT 1, id, 'Newcomer' FROM companies WHERE name = 'Brand New'"
    )
    before = state(data)
    refused = undo(client, last(client))
    assert refused.status_code == 400
    assert "Other rows belong to company" in text_of(refused)
    assert state(data) == before


def test_work_on_an_order_meanwhile_is_no_obstacle_and_stays(
    data: Database, client: Client
) -> None:
    moved(client, company="4")
    data.execute("UPDATE orders SET status = 'SHIPPED' WHERE id = 21")
    undo(client, last(client))
    assert data.fetch("SELECT company_id, status::text FROM orders WHERE id = 21") == [
        (1, "SHIPPED")
    ]


def test_only_who_did_it_and_may_still_do_it_undoes_it(data: Database, client: Client) -> None:
    moved(client, company="4")
    page = last(client)
    before = state(data)
    other, lacking = client_of(*REASSIGNS), client_of(*REASSIGNS[:1], *REASSIGNS[2:])
    Action.objects.update(user_id=lacking.session["_auth_user_id"])
    for somebody in (other, lacking):
        assert somebody.get(page.request["PATH_INFO"]).status_code == 403
        assert somebody.post(page.request["PATH_INFO"]).status_code == 403
    assert "nothing that can be undone" in text_of(last(other))
    assert state(data) == before
    assert client.get(f"{UNDO}999/").status_code == 404


def test_the_page_takes_as_many_queries_for_many_rows_as_for_few(
    data: Database, client: Client
) -> None:
    def queries() -> int:
        page = last(client).request["PATH_INFO"]
        with CaptureQueriesContext(connection) as found:
            assert "It can be undone as a whole" in text_of(client.get(page))
        return len(found)

    moved(client, company="4")
    few = queries()
    data.execute(
        "INSERT INTO contacts (id, tenant_id, company_id, name) "
        "SELECT 1000 + n, 1, 1, 'Contact ' || n FROM generate_series(1, 200) AS n"
    )
    confirm(client, client.get(REASSIGN, {"filters": "q=Contact", "company": "2"}))
    assert queries() == few <= 20


def test_who_does_not_see_all_of_its_rows_does_not_undo_it(data: Database, client: Client) -> None:
    moved(client, company="4")
    page = last(client)
    before = state(data)
    limit(int(client.session["_auth_user_id"]), [2])
    assert client.get(page.request["PATH_INFO"]).status_code == 403
    assert client.post(page.request["PATH_INFO"]).status_code == 403
    assert state(data) == before


def test_what_is_too_old_is_forgotten_as_documented(data: Database, client: Client) -> None:
    _, found, rest = (PROJECT / "contacts/README.md").read_text().partition("<!-- forget -->\n")
    assert found
    statements = rest.removeprefix("```sql\n").partition("```")[0]
    moved(client, company="4")
    data.execute("UPDATE settling_action SET at = at - interval '91 days'")
    moved(client, company="1")
    data.run_script(statements)
    assert Action.objects.count() == 1
    assert data.value("SELECT count(*) FROM settling_actionrow") == 2
    undo(client, last(client))
    assert "nothing that can be undone" in text_of(last(client))


def test_a_database_of_an_earlier_version_says_what_is_missing(data: Database) -> None:
    client = client_of(superuser=True)
    data.execute("DROP TABLE settling_actionrow, settling_action, settling_nocontactwanted")
    told = "Run 'manage.py migrate': it adds them, and changes nothing else."
    assert told in text_of(client.get("/admin/"))
    assert told in text_of(client.get(CONTACTS, follow=True))
