"""What the triggers promise: the invariants, what is refused, and addresses to try it with."""

import psycopg2
import pytest

from tests.support.database.databases import Database

CHECK = "23514"
RESTRICT = "23001"
FOREIGN_KEY = "23503"

BROKEN = """
SELECT 'contact ' || k.id::text || ' is of another tenant than its company'
FROM contacts k JOIN companies c ON c.id = k.company_id WHERE k.tenant_id <> c.tenant_id
UNION ALL
SELECT 'order ' || o.id::text || ' is of another tenant than its company'
FROM orders o JOIN companies c ON c.id = o.company_id WHERE o.tenant_id <> c.tenant_id
UNION ALL
SELECT 'order ' || o.id::text || ' is not where its contact is'
FROM orders o JOIN contacts k ON k.id = o.contact_id
WHERE (o.tenant_id, o.company_id) <> (k.tenant_id, k.company_id)
UNION ALL
SELECT 'address ' || a.id::text || ' is of another tenant than its company'
FROM addresses a JOIN companies c ON c.id = a.company_id WHERE a.tenant_id <> c.tenant_id
UNION ALL
SELECT 'company ' || c.id::text || ' points to ' || coalesce(c.default_address_id::text, 'none')
       || ', its defaults are ' || coalesce(string_agg(a.id::text, ' '), 'none')
FROM companies c LEFT JOIN addresses a ON a.company_id = c.id AND a.is_default
GROUP BY c.id
HAVING pg_catalog.count(a.id) > 1 OR c.default_address_id IS DISTINCT FROM min(a.id)
"""


def assert_rules_hold(database: Database) -> None:
    """Fail with a sentence for each row that breaks what the triggers promise."""
    assert [sentence for (sentence,) in database.fetch(BROKEN)] == []


def assert_refused(
    database: Database, statement: str, message: str, sqlstate: str = CHECK
) -> psycopg2.Error:
    """Attempt a forbidden write; return its error for a closer look."""
    with pytest.raises(psycopg2.IntegrityError) as caught:
        database.execute(statement)
    assert caught.value.diag.message_primary == message
    assert caught.value.pgcode == sqlstate
    assert_rules_hold(database)
    return caught.value


def add_address(number: int, company: int, tenant: int = 1, default: str = "false") -> str:
    """Return the INSERT of an address."""
    row = address(number, company, tenant, default)
    return f"INSERT INTO addresses {ADDRESS_COLUMNS} VALUES {row}"


ADDRESS_COLUMNS = "(id, tenant_id, company_id, is_default, street_address, city, state, zip_code)"


def address(number: int, company: int, tenant: int = 1, default: str = "false") -> str:
    """Return an address as one row of VALUES for ADDRESS_COLUMNS."""
    return f"({number}, {tenant}, {company}, {default}, '{number} New St', 'Rome', 'RM', '00100')"


def default_of(database: Database, company: int) -> int | None:
    """Return a company's default address, as the company says, once both sides agree."""
    assert_rules_hold(database)
    found: int | None = database.value(
        f"SELECT default_address_id FROM companies WHERE id = {company}"
    )
    return found
