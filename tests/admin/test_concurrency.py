"""Others write while a person confirms: whoever comes second meets what the first one left."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connections
from django.test import Client

from tests.support.admin.pages import LINK, REASSIGN, confirm, text_of
from tests.support.database.databases import Database
from tests.support.waiting import wait_until

BLOCKED = """
    SELECT count(*) > 0 FROM pg_stat_activity
     WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


def while_uncommitted(data: Database, write: str, act: Callable[[], Any]) -> Any:
    """Act while another session's write is not committed; it commits once the act waits for it."""

    def in_a_thread() -> Any:
        try:
            return act()
        finally:
            connections.close_all()

    other = data.connect()
    try:
        with other.cursor() as cursor, ThreadPoolExecutor(1) as pool:
            cursor.execute(f"BEGIN; {write}")
            running: Future[Any] = pool.submit(in_a_thread)
            wait_until(lambda: running.done() or bool(data.value(BLOCKED)))
            assert not running.done(), "it did not wait for the other session"
            cursor.execute("COMMIT")
            return running.result()
    finally:
        other.close()


WRITES = {
    "a contact is renamed": "UPDATE contacts SET name = 'Adam' WHERE id = 11",
    "a contact is moved": "UPDATE contacts SET company_id = 4 WHERE id = 11",
    "a contact is deleted": "DELETE FROM contacts WHERE id = 14",
    "an order is added": (
        "INSERT INTO orders (tenant_id, contact_id, order_number, customer_name) "
        "VALUES (1, 11, 'A-99', 'Ada')"
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_reassignment_waits_and_then_does_only_what_was_shown(
    data: Database, client: Client, write: str
) -> None:
    page = client.get(REASSIGN, {"ids": "11,14", "company": "2"})
    answer = while_uncommitted(data, write, lambda: confirm(client, page))
    assert answer.status_code == 400
    assert "Something has changed since this was shown" in text_of(answer)
    assert not data.value("SELECT count(*) FROM contacts WHERE id IN (11, 14) AND company_id = 2")
    assert not LogEntry.objects.exists()


def test_an_email_taken_at_the_same_moment_is_a_message(data: Database, client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11", "company": "2"})
    taken = "UPDATE contacts SET email = 'ada@example.com' WHERE id = 12"
    answer = while_uncommitted(data, taken, lambda: confirm(client, page))
    assert answer.status_code == 400
    assert "Nothing was changed. A contact of this company has this e-mail already" in text_of(
        answer
    )
    assert data.value("SELECT company_id FROM contacts WHERE id = 11") == 1


def test_a_link_waits_for_the_contact_that_moves(data: Database, client: Client) -> None:
    moved = "UPDATE contacts SET company_id = 4 WHERE id = 12"
    chosen = {"ids": "24", "order_24": "12:2"}
    answer = while_uncommitted(data, moved, lambda: client.post(LINK, chosen))
    assert "Contact 12 (Ben) has moved to company 4." in text_of(answer)
    assert data.fetch("SELECT contact_id, company_id FROM orders WHERE id = 24") == [(None, 1)]
