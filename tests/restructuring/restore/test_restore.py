"""``--restore DIR``: the tables become what the backup holds, or nothing changes."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from contacts.restructuring.backup.manifest import Backup, Progress
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.modes import restore as restoring
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds, run_into, start

pytestmark = pytest.mark.slow

PARTS = ("-T", "django_*", "-T", "auth_*", "-T", "contacts_restructuringrun", "-T", "settling_*")


def dump(database: Database) -> list[str]:
    """The database without Django's own tables, its lines sorted: a restore may reorder rows."""
    return sorted(database.dump(*PARTS).splitlines())


@pytest.fixture
def backups(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def migrated_sample(sample: Database, backups: Path) -> tuple[Database, list[str], Path]:
    before = dump(sample)
    assert_succeeds(backups)
    (backup,) = backups.glob("migration_2*[0-9]")
    return sample, before, backup


def test_a_migrated_database_becomes_the_legacy_one_of_the_backup(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, before, backup = migrated_sample
    assert_succeeds(backups, "--restore", str(backup))
    assert dump(database) == before


def test_what_the_legacy_schema_could_not_hold_does_not_stand_in_the_way(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, before, backup = migrated_sample
    database.execute("UPDATE contacts SET email = NULL WHERE id <= 3")
    database.execute(
        "INSERT INTO addresses (tenant_id, company_id, street_address, city, state, zip_code) "
        "SELECT tenant_id, id, 'Street 1', 'City', 'State', '12345' FROM companies"
    )
    database.execute(
        "INSERT INTO orders (tenant_id, order_number, customer_name) VALUES (1, 'NEW-1', 'New')"
    )
    database.execute("UPDATE orders SET customer_name = NULL")
    assert_succeeds(backups, "--restore", str(backup))
    assert dump(database) == before


def test_emails_that_others_refer_to_are_left_alone_meanwhile(
    sample: Database, backups: Path
) -> None:
    sample.execute(
        "CREATE TABLE letters (email varchar); INSERT INTO letters SELECT email FROM customers "
        "WHERE id > 3; ALTER TABLE customers ADD UNIQUE (email); "
        "ALTER TABLE letters ADD FOREIGN KEY (email) REFERENCES customers (email)"
    )
    before = dump(sample)
    assert_succeeds(backups)
    (backup,) = backups.glob("migration_2*[0-9]")
    sample.execute("UPDATE contacts SET email = NULL WHERE id <= 3")
    assert_succeeds(backups, "--restore", str(backup))
    assert dump(sample) == before


def test_what_it_replaces_is_backed_up_first_and_can_be_restored_in_turn(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, before, backup = migrated_sample
    assert_succeeds(backups, "--restore", str(backup))
    database.execute("UPDATE customers SET name = 'Somebody else'")
    changed = dump(database)
    assert_succeeds(backups, "--restore", str(backup))
    assert dump(database) == before
    latest = max(backups.glob("migration_2*[0-9]"))
    assert_succeeds(backups, "--restore", str(latest))
    assert dump(database) == changed


def test_rows_that_others_refer_to_stop_it_and_are_named(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, _, backup = migrated_sample
    order = database.value(
        "INSERT INTO orders (tenant_id, order_number, customer_name) VALUES (1, 'NEW-1', 'New') "
        "RETURNING id"
    )
    database.execute("INSERT INTO shipments (tenant_id, order_id) VALUES (1, %s)", [order])
    present = database.dump()
    refused = run_into(backups, "--restore", str(backup))
    assert refused.code == 1
    assert "Rows of other tables refer to rows" in refused.error
    assert "1 of shipments" in refused.error
    assert str(order) in refused.out
    assert database.dump() == present


def test_an_empty_database_gets_the_four_tables(
    migrated_sample: tuple[Database, list[str], Path], backups: Path, server: object
) -> None:
    database, _, backup = migrated_sample
    assert_succeeds(backups, "--restore", str(backup))
    tables = [
        flag for name in ("tenants", "companies", "customers", "orders") for flag in ("-t", name)
    ]
    restored = sorted(database.dump(*tables).splitlines())
    database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert_succeeds(backups, "--restore", str(backup))
    assert sorted(database.dump(*tables).splitlines()) == restored


def test_migrating_again_after_a_restore_works(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, _, backup = migrated_sample
    assert_succeeds(backups, "--restore", str(backup))
    assert_succeeds(backups)
    assert_succeeds(backups, "--verify-only")
    kinds = database.fetch("SELECT kind FROM contacts_restructuringrun ORDER BY id")
    assert kinds == [("migration",), ("restore",), ("migration",)]


def test_a_flipped_byte_stops_it_before_anything_is_touched(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, _, backup = migrated_sample
    file = backup / "orders.jsonl.gz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    present = database.dump()
    refused = run_into(backups, "--restore", str(backup))
    assert "orders.jsonl.gz" in refused.error
    assert database.dump() == present


def test_a_view_on_what_goes_stops_it(
    migrated_sample: tuple[Database, list[str], Path], backups: Path
) -> None:
    database, _, backup = migrated_sample
    database.execute("CREATE VIEW order_companies AS SELECT id, company_id FROM orders")
    present = database.dump()
    refused = run_into(backups, "--restore", str(backup))
    assert "Nothing of others depends on what goes" in refused.error
    assert database.dump() == present


def test_a_folder_that_is_no_backup_is_refused(legacy: Database, backups: Path) -> None:
    refused = run_into(backups, "--restore", str(backups / "migration_20000101_000000"))
    assert "There is no backup folder" in refused.error


def _lose(backup: Path) -> None:
    (backup / "orders.jsonl.gz").unlink()


def _damage(backup: Path) -> None:
    with (backup / "orders.jsonl.gz").open("r+b") as file:
        file.seek(200)
        file.write(bytes(8))


def _exchange(backup: Path) -> None:
    other = next(path for path in backup.parent.glob("migration_2*[0-9]") if path != backup)
    shutil.rmtree(backup)
    shutil.copytree(other, backup)


@pytest.mark.parametrize(
    ("happen", "message"),
    [
        (_lose, "has no orders.jsonl.gz"),
        (_damage, "orders.jsonl.gz is damaged"),
        (_exchange, "was replaced by another backup while the question was open"),
    ],
)
def test_a_backup_that_changes_while_the_question_is_open_is_not_restored(
    sample: Database, backups: Path, happen: Callable[[Path], None], message: str
) -> None:
    assert_succeeds(backups)
    (backup,) = backups.glob("migration_2*[0-9]")
    present = sample.dump()
    options = ("--restore", str(backup), "--backup-dir", str(backups))
    with start(sample, *options, terminal=True) as begun:
        begun.wait_for("Proceed with restore?")
        happen(backup)
        begun.answer("yes")
        done = begun.end()
    assert done.code == 1
    assert message in done.error
    assert "Nothing was changed" in " ".join(done.err.split())
    assert "Traceback" not in done.output
    assert sample.dump() == present


def test_who_keeps_it_from_comparing_is_named(
    sample: Database, backups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_succeeds(backups)
    (backup,) = backups.glob("migration_2*[0-9]")
    assert_succeeds(backups, "--rollback")
    holder = sample.connect()
    holder.autocommit = False
    end = threading.Timer(20, holder.rollback)

    def lock_and_read(path: Path, progress: Progress) -> Backup:
        """Somebody locks a table after the stage was read, and before rows are compared."""
        holder.cursor().execute("LOCK TABLE orders")
        end.start()
        return read_backup(path, progress)

    monkeypatch.setattr(restoring, "read_backup", lock_and_read)
    try:
        named = f"could not be read in 2 tries of 0.1 s. In the way: pid {holder.info.backend_pid},"
        options = ("--skip-backup", "--lock-timeout", "0.1", "--lock-tries", "2")
        assert named in run_into(backups, "--restore", str(backup), *options).error
    finally:
        end.cancel()
        holder.close()


def test_a_column_with_two_sequences_gets_both_back(legacy: Database, backups: Path) -> None:
    legacy.execute(
        "CREATE SEQUENCE others; ALTER TABLE orders ALTER id SET DEFAULT nextval('others')"
    )
    positions = (
        "SELECT o.last_value, o.is_called, i.last_value, i.is_called FROM others o, orders_id_seq i"
    )
    legacy.execute("SELECT setval('others', 70), setval('orders_id_seq', 7)")
    assert_succeeds(backups)
    (backup,) = backups.glob("migration_2*[0-9]")
    legacy.execute("SELECT setval('others', 900), setval('orders_id_seq', 90)")
    assert_succeeds(backups, "--restore", str(backup))
    assert legacy.fetch(positions) == [(70, True, 7, True)]
