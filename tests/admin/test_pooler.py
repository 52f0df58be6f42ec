"""The admin behind a transaction pooler, where each transaction may have another session."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from tests.admin.test_lists import SLOW
from tests.support.admin.pages import CONTACTS, client_of
from tests.support.database.databases import Database, django_uses
from tests.support.database.migrated_rows import fill_to_settle
from tests.support.servers.pooler import PROGRAM, pooled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="Debian's package pgbouncer is not installed"),
]
MANY = """
INSERT INTO contacts (tenant_id, company_id, placed_in_company_id, name)
SELECT 1, 1, 1, 'Contact ' || n FROM generate_series(1, 5000) AS n
"""
AT_ONCE = 8
SESSIONS = 3


@pytest.fixture
def data(migrated: Database, server_folder: Path) -> Iterator[Database]:
    fill_to_settle(migrated)
    with pooled(migrated, server_folder, SESSIONS) as database, django_uses(database):
        yield database


def lines_of_an_export(client: Client) -> int:
    try:
        chosen = {"action": "export_as_csv", "index": "0", "select_across": "1"}
        answer = client.post(f"{CONTACTS}?placed=still", {**chosen, "_selected_action": "0"})
        return b"".join(answer).count(b"\n")
    finally:
        connections.close_all()


def test_exports_at_once_are_each_whole(data: Database) -> None:
    data.execute(MANY)
    clients = [client_of(superuser=True) for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        numbers = list(pool.map(lines_of_an_export, clients))
    assert numbers == [1 + 3 + 5_000] * AT_ONCE


def test_the_limit_of_a_statement_holds_and_ends_with_the_request(
    data: Database, settings: Any
) -> None:
    settings.ADMIN_STATEMENT_TIMEOUT = 1
    client = client_of(superuser=True)
    data.execute(SLOW)
    assert client.get(CONTACTS).status_code == 503
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
