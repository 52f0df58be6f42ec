"""What a run left behind: a database that is legacy or migrated, locks, half a backup."""

from dataclasses import dataclass
from pathlib import Path

from contacts.restructuring.state import expected
from tests.support.database.databases import Database
from tests.support.waiting import wait_until

LEGACY_ROWS = {
    "tenants": "SELECT * FROM tenants ORDER BY id",
    "companies": "SELECT id, tenant_id, name, address, phone, email, created_at, updated_at"
    " FROM companies ORDER BY id",
    "customers": "SELECT id, tenant_id, name, email, phone, company_id, created_at, updated_at"
    " FROM customers ORDER BY id",
    "orders": "SELECT id, customer_id, to_jsonb(orders) - 'customer_id' FROM orders ORDER BY id",
}
SAME_AFTERWARDS = {
    "tenants": LEGACY_ROWS["tenants"],
    "companies": "SELECT id, tenant_id, name, address, phone, email, created_at, updated_at"
    " FROM companies WHERE id <> ALL (ARRAY(SELECT jsonb_array_elements(created_companies)::int"
    " FROM contacts_restructuringrun)) ORDER BY id",
    "customers": "SELECT id, tenant_id, name, coalesce(email, email_set_aside), phone,"
    " CASE WHEN company_id IS DISTINCT FROM placed_in_company_id THEN company_id END,"
    " created_at, updated_at FROM contacts ORDER BY id",
    "orders": "SELECT id, contact_id, to_jsonb(orders) - 'contact_id' - 'company_id' FROM orders"
    " ORDER BY id",
}


@dataclass(frozen=True)
class Legacy:
    """A legacy database as it was: its dump and its rows."""

    dump: str
    rows: dict[str, list[tuple[object, ...]]]


def remember(database: Database) -> Legacy:
    """Note how a legacy database is, to compare with later."""
    rows = {table: database.fetch(query) for table, query in LEGACY_ROWS.items()}
    return Legacy(database.dump(), rows)


def state(database: Database, before: Legacy) -> str:
    """Return 'legacy' or 'migrated', if the database is exactly that, else what is odd."""
    tables = {
        name
        for (name,) in database.fetch("SELECT relname FROM pg_class WHERE relkind = 'r'")
        if name in ("customers", "contacts", "addresses")
    }
    if tables == {"customers"}:
        return "legacy" if database.dump() == before.dump else "legacy tables, but another dump"
    if tables != {"contacts", "addresses"}:
        return f"in between: {sorted(tables)}"
    rows = {table: database.fetch(query) for table, query in SAME_AFTERWARDS.items()}
    different = [table for table in rows if rows[table] != before.rows[table]]
    triggers = database.value("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal")
    finished = database.fetch("SELECT kind, finished_at IS NOT NULL FROM contacts_restructuringrun")
    if different or triggers != len(expected.triggers()) or finished != [("migration", True)]:
        return f"migrated, but rows of {different} differ, {triggers} triggers, runs {finished}"
    return "migrated"


def locks(database: Database) -> list[tuple[object, ...]]:
    """Return the locks that other sessions hold on the database's tables, or as a run."""
    return database.fetch(
        "SELECT l.pid, l.locktype, l.mode, c.relname FROM pg_locks l "
        "LEFT JOIN pg_class c ON c.oid = l.relation WHERE l.pid <> pg_backend_pid() "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND (l.locktype = 'advisory' OR c.relname IN "
        "('tenants', 'companies', 'customers', 'contacts', 'orders'))"
    )


def assert_no_locks_left(database: Database) -> None:
    """Fail where somebody goes on holding a lock.

    A program such as pg_dump is gone before the server has ended its session.
    """
    wait_until(lambda: locks(database) == [])


def half_backups(folder: Path) -> list[str]:
    """Return the names of backups that are not whole, hidden ones included."""
    files = {"manifest.json", *(f"{name}.jsonl.gz" for name in LEGACY_ROWS)}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and (path.name[0] == "." or {file.name for file in path.iterdir()} < files)
    )
