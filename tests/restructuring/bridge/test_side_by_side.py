"""Old and new application at work on the same rows: nothing is lost, and no rule is broken.

SIDE_BY_SIDE_REQUESTS=2000 makes it a campaign: that many requests of each client.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.applications.legacy_application import LegacyApplication
from tests.support.applications.new_application import NewApplication
from tests.support.database.databases import Database
from tests.support.database.invariants import assert_rules_hold
from tests.support.runs.bridge import make_bridge, rows, session
from tests.support.runs.command import assert_migrates

REQUESTS = int(os.environ.get("SIDE_BY_SIDE_REQUESTS", "40"))
Client = LegacyApplication | NewApplication
TWICE = """
    SELECT tenant_id, email FROM customers WHERE email LIKE '%@shop.example'
     GROUP BY tenant_id, email HAVING count(*) > 1
"""
BROKEN = {
    "customers that are no contacts, or the other way round": (
        "SELECT id FROM customers FULL JOIN contacts USING (id) "
        "WHERE customers.name IS DISTINCT FROM contacts.name"
    ),
    "customers whose company is not where the contact is": (
        "SELECT id FROM customers JOIN contacts USING (id) "
        "WHERE customers.company_id <> contacts.company_id"
    ),
    "orders that the two read differently": (
        "SELECT id FROM orders FULL JOIN public.orders AS base USING (id) "
        "WHERE orders.customer_id IS DISTINCT FROM base.contact_id"
    ),
    "orders without a name": "SELECT id FROM orders WHERE customer_name IS NULL "
    "AND customer_id IS NOT NULL",
    "e-mails that the legacy application wrote twice": TWICE,
}


def work(client: Client) -> list[str]:
    """Do the requests; return what failed."""
    failed = []
    for _ in range(REQUESTS):
        try:
            client.any_request()
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a failed request
            failed.append(f"{client.name}: {type(error).__name__}: {error}")
    return failed


@pytest.fixture
def bridged(sample: Database, tmp_path: Path) -> Database:
    assert_migrates(tmp_path)
    make_bridge()
    return sample


@pytest.mark.parametrize("clients", [2, 4])
def test_both_applications_work_on_the_same_rows(bridged: Database, clients: int) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(clients) as pool:
        made: list[Client] = []
        for number in range(clients):
            kind = (LegacyApplication, NewApplication)[number % 2]
            client = kind(bridged, f"{kind.__name__}{number}")
            made.append(stack.enter_context(closing(client)))
        failed = [told for done in pool.map(work, made) for told in done]
    assert failed == []
    assert_rules_hold(bridged)
    with session(bridged) as application:
        found = {what: rows(application, query) for what, query in BROKEN.items()}
    assert found == {what: [] for what in BROKEN}
