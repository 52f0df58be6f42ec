"""Each check before the restructuring, broken once; each blocker through the command as well."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.checks import before_migration as checks_before
from contacts.restructuring.checks.base import (
    Check,
    Finding,
    Result,
    Severity,
    Status,
    Tag,
    run_checks,
)
from contacts.restructuring.checks.before_migration import CHECKS_BEFORE
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import Stage, read_layout
from contacts.restructuring.database.reading import reading_snapshot
from tests.cases.checks import before_migration
from tests.cases.checks.before_migration_warnings import WARNINGS
from tests.cases.checks.case import Case
from tests.cases.legacy_rows import CREATE, ORPHAN, OWN_TABLES, ROWS
from tests.cases.placed_rows import ROWS_BLOCKERS
from tests.support.database.databases import Database
from tests.support.database.roles import acting_as, roles
from tests.support.runs.command import assert_migrates, assert_refused, migrate, run

ELSEWHERE = {
    "customers_table": "the stage decides it: test_database_without_the_tables_is_named",
    "sessions": "it takes a session: test_other_sessions_are_named",
}
INFORMATIVE = {
    "customer_count": "it counts",
    "linked_orders": "it counts",
    "extra_columns": "it lists columns that stay as they are",
}
BLOCKERS = (*before_migration.BLOCKERS, *ROWS_BLOCKERS)
CASES = (*BLOCKERS, *WARNINGS)


@contextmanager
def broken(database: Database, case: Case) -> Iterator[None]:
    """Break the legacy database as ``case`` says; inside, Django acts as the case's role."""
    database.execute(ROWS)
    names = {"database": f'"{database.name}"'}
    with ExitStack() as stack:
        if case.role:
            (role,) = stack.enter_context(roles(database, "runner"))
            names["role"] = f'"{role}"'
        if case.sql:
            statement = case.sql
            for name, value in names.items():
                statement = statement.replace(f"{{{name}}}", value)
            database.execute(statement)
        if case.role:
            stack.enter_context(acting_as(role))
        connection.close()  # the next one takes up what was set for the database
        yield


def results() -> dict[str, Result]:
    layout = read_layout(connection)
    with reading_snapshot(connection, layout) as inspector:
        return {result.id: result for result in run_checks(inspector, CHECKS_BEFORE)}


def test_every_check_has_a_case_that_breaks_it() -> None:
    covered = {case.id for case in CASES} | set(ELSEWHERE) | set(INFORMATIVE)

    assert covered == {check.id for check in CHECKS_BEFORE}


def test_every_error_is_tried_through_the_command() -> None:
    errors = {check.id for check in CHECKS_BEFORE if check.severity is Severity.ERROR}

    assert errors - set(INFORMATIVE) - set(ELSEWHERE) == {case.id for case in BLOCKERS}


def test_the_guides_seven_come_first_in_its_order() -> None:
    assert [check.title for check in CHECKS_BEFORE if Tag.GUIDE in check.tags] == [
        "Customers table exists",
        "Count of customers to migrate",
        "Orphaned customers (without company_id)",
        "Valid tenant_id for all customers",
        "Orders linked to customers",
        "Order-customer relationship integrity",
        "Duplicate emails within companies",
    ]


def test_sound_database_passes_every_check(legacy: Database) -> None:
    legacy.execute(ROWS)

    found = results()

    assert {result.id for result in found.values() if result.status is not Status.PASSED} == {
        "alembic_version"
    }
    assert found["customer_count"].finding.note == "Found 2 customers"
    assert found["linked_orders"].finding.note.startswith("2 of 2 orders linked")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_check_tells_what_is_wrong(legacy: Database, case: Case) -> None:
    blocks = case in BLOCKERS

    with broken(legacy, case):
        result = results()[case.id]

    assert result.status is (Status.FAILED if blocks else Status.WARNING)
    assert case.message in result.finding.sentences[0]
    assert result.finding.count == case.count
    assert len(result.finding.sentences) == min(case.count, 20)
    if case.query:
        query = result.finding.query.split(";")[0]
        assert len(legacy.fetch(query)) == case.count


def test_triggers_must_be_able_to_read_tables_of_other_owners(
    legacy: Database, tmp_path: Path
) -> None:
    legacy.execute(ROWS)
    with roles(legacy, "owner") as (owner,):
        legacy.execute(
            f'ALTER TABLE companies OWNER TO "{owner}"; GRANT CREATE ON SCHEMA public TO "{owner}"'
        )
        before = legacy.dump()
        told = [
            f"Role {owner}, whose rights the triggers use, may not read and update {name}"
            for name in ("customers", "orders")
        ]
        assert_refused(legacy, migrate(tmp_path), before, *told)

        legacy.execute(f'GRANT SELECT, UPDATE ON tenants, customers, orders TO "{owner}"')

        assert_migrates(tmp_path)
        legacy.execute("UPDATE contacts SET company_id = company_id")
        assert (
            legacy.value(
                "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 'addresses'"
            )
            == owner
        )


def test_alembics_record_need_not_be_readable(legacy: Database) -> None:
    legacy.execute(ROWS)
    with roles(legacy, "owner") as (owner,):
        legacy.execute((OWN_TABLES + CREATE).replace("{role}", f'"{owner}"'))
        with acting_as(owner):
            found = results()

    assert [name for name, result in found.items() if result.status is Status.FAILED] == []
    assert found["alembic_version"].finding.sentences == (
        "Alembic manages this database; the role may not read at which revision",
    )


def test_company_with_the_last_id_leaves_those_that_the_sequence_gives(legacy: Database) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}")
    legacy.execute("INSERT INTO companies (id, tenant_id, name) VALUES (2147483647, 1, 'last')")

    assert results()["fillable_companies"].status is Status.PASSED


@pytest.mark.parametrize("case", BLOCKERS, ids=str)
def test_blocker_leaves_the_database_byte_for_byte(
    legacy: Database, tmp_path: Path, case: Case
) -> None:
    (title,) = [check.title for check in CHECKS_BEFORE if check.id == case.id]

    with broken(legacy, case):
        before = legacy.dump()
        assert_refused(legacy, migrate(tmp_path), before, "Validation failed:", title, case.message)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("case", WARNINGS, ids=str)
def test_warning_does_not_stop_the_run(legacy: Database, tmp_path: Path, case: Case) -> None:
    with broken(legacy, case):
        assert case.message in assert_migrates(tmp_path).out


@pytest.mark.parametrize(
    "use", ["to_jsonb(NEW)", "NEW.* IS DISTINCT FROM OLD.*", "row(OLD.*) = row(NEW.*)"]
)
def test_rows_as_one_value_and_comparisons_of_rows_go_on(legacy: Database, use: str) -> None:
    legacy.execute(f"""
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM {use}; RETURN NEW; END';
        CREATE TRIGGER compare BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION f()
    """)

    assert results()["whole_rows"].finding.sentences == ()


def test_database_without_the_tables_is_named(legacy: Database, tmp_path: Path) -> None:
    legacy.execute("DROP TABLE customers CASCADE")
    before = legacy.dump()

    assert_refused(legacy, migrate(tmp_path), before, "unknown", "companies, orders, tenants")
    dry = run("--dry-run")
    assert_refused(legacy, dry, before, "Customers table exists", "but not customers")


def test_other_sessions_are_named(legacy: Database) -> None:
    legacy.execute(ROWS)
    session = legacy.connect()
    try:
        with session.cursor() as cursor:
            cursor.execute("SET application_name = 'the shop'")
        (told,) = results()["sessions"].finding.sentences
        pid = session.info.backend_pid
    finally:
        session.close()

    assert told.startswith(f"Session {pid}: user ")
    assert told.endswith("idle")
    assert f"application the shop, from {legacy.seen_from}" in told


def test_sessions_of_a_role_that_hides_them_are_counted(legacy: Database) -> None:
    legacy.execute(ROWS)
    session = legacy.connect()
    try:
        with roles(legacy, "runner") as (role,), acting_as(role):
            (told,) = results()["sessions"].finding.sentences
    finally:
        session.close()

    assert told.endswith("hidden")


def test_columns_that_are_not_modelled_are_listed(legacy: Database) -> None:
    legacy.execute("ALTER TABLE customers ADD tags text[], ADD notes jsonb DEFAULT '{}'")

    result = results()["extra_columns"]

    assert result.status is Status.PASSED
    assert result.finding.note.endswith("customers.tags (text[]), customers.notes (jsonb)")


def test_no_company_has_to_be_filled_where_none_is_created(legacy: Database) -> None:
    legacy.execute(ROWS + "ALTER TABLE companies ADD branch varchar NOT NULL DEFAULT '';")
    legacy.execute("ALTER TABLE companies ALTER branch DROP DEFAULT")

    assert results()["fillable_companies"].status is Status.PASSED


def test_only_the_first_rows_are_named(legacy: Database) -> None:
    legacy.execute(
        ROWS + "INSERT INTO customers (id, tenant_id, name, email)"
        " SELECT n, 1, 'c', n || '@example.com' FROM generate_series(101, 145) AS n"
    )

    done = run("--dry-run")

    assert "Customer 120 (tenant 1) has no company" in done.out
    assert "Customer 121 " not in done.out
    assert "… and 25 more" in done.out
    assert "All of them: SELECT id, tenant_id, name FROM customers WHERE company_id" in done.out


def test_check_that_cannot_run_blocks(
    legacy: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(inspector: Inspector) -> Finding:
        return Finding(inspector.value("SELECT 1 / 0"))

    crashing = Check("crashing", "A check that crashes", crash, severity=Severity.WARNING)
    monkeypatch.setattr(checks_before, "CHECKS_BEFORE", (crashing, *CHECKS_BEFORE))
    before = legacy.dump()

    assert_refused(
        legacy,
        migrate(tmp_path, "-v", "2"),
        before,
        "Validation failed: A check that crashes",
        "The check could not run: DataError: division by zero",
        "PASSED: Found 0 customers",
    )


def test_result_is_plain_values(legacy: Database) -> None:
    layout = replace(read_layout(connection), stage=Stage.UNKNOWN)
    with reading_snapshot(connection, layout) as inspector:
        (result,) = run_checks(inspector, CHECKS_BEFORE[:1])

    told = result.as_dict()
    assert (told["id"], told["status"], told["count"]) == ("customers_table", "failed", 1)
    assert told["rows"] == ["The database is unknown: found companies, customers, orders, tenants"]
