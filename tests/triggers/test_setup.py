"""How the triggers are made: names, rights, schema, and that they survive dumps and migrations."""

import time

import psycopg2
import pytest
from django.core.management import call_command
from django.db import connection

from tests.support.database.databases import Database
from tests.support.database.invariants import assert_refused, assert_rules_hold
from tests.support.database.migrated_rows import ROWS, fill

TRIGGERS = {
    "trg_auto_set_first_address_default": "addresses",
    "trg_move_orders_with_contact": "contacts",
    "trg_prevent_company_deletion": "companies",
    "trg_prevent_default_address_deletion": "addresses",
    "trg_restore_default_address": "addresses",
    "trg_sync_company_default_address": "addresses",
    "trg_sync_default_address": "companies",
    "trg_validate_address_company": "addresses",
    "trg_validate_company_tenant": "companies",
    "trg_validate_contact_company": "contacts",
    "trg_validate_order_relationships": "orders",
}
FUNCTIONS = """
SELECT p.proname, p.prosecdef, p.proconfig, r.rolname,
       has_function_privilege('public', p.oid, 'EXECUTE'), p.pronamespace::regnamespace::text
FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_roles r ON r.oid = p.proowner
WHERE NOT t.tgisinternal ORDER BY t.tgname
"""
SETTINGS = ["search_path=pg_catalog, public, pg_temp", "row_security=off"]
WRONG_CONTACT = "UPDATE contacts SET company_id = 3 WHERE id = 11"
WRONG_CONTACT_MESSAGE = "Contact 11 (tenant 1) cannot belong to company 3 (tenant 2)"


def owner_of_companies(database: Database) -> str:
    return str(
        database.value(
            "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'companies'::regclass"
        )
    )


def unmake_triggers() -> None:
    call_command("migrate", "companies", "0002", verbosity=0)


def make_triggers() -> None:
    call_command("migrate", verbosity=0)


def test_triggers_bear_the_fixed_names(migrated: Database) -> None:
    assert (
        dict(
            migrated.fetch(
                "SELECT tgname, tgrelid::regclass::text FROM pg_trigger"
                " WHERE NOT tgisinternal AND tgenabled = 'O'"
            )
        )
        == TRIGGERS
    )


def test_each_function_is_its_triggers_own_and_nobody_elses_to_run(migrated: Database) -> None:
    owner = owner_of_companies(migrated)

    assert migrated.fetch(FUNCTIONS) == [
        (name, True, SETTINGS, owner, False, "public") for name in sorted(TRIGGERS)
    ]


def test_triggers_are_unmade_and_made_again(migrated: Database) -> None:
    before = migrated.dump("--schema-only")

    unmake_triggers()
    assert migrated.fetch(FUNCTIONS) == []
    make_triggers()

    assert migrated.dump("--schema-only") == before


def test_tables_may_lie_in_any_schema(migrated: Database) -> None:
    unmake_triggers()
    connection.close()  # the next one takes up the search path
    migrated.execute('ALTER SCHEMA public RENAME TO "Legacy\'s"; CREATE SCHEMA public')
    database = migrated.name
    migrated.execute(f'ALTER DATABASE "{database}" SET search_path = public, "Legacy\'s"')
    make_triggers()
    fill(migrated)
    migrated.execute(f'ALTER DATABASE "{database}" RESET search_path')

    assert {row[5] for row in migrated.fetch(FUNCTIONS)} == {'"Legacy\'s"'}
    with pytest.raises(psycopg2.IntegrityError, match="cannot belong to company 3"):
        migrated.execute('UPDATE "Legacy\'s".contacts SET company_id = 3 WHERE id = 11')
    migrated.execute('UPDATE "Legacy\'s".contacts SET company_id = 4 WHERE id = 11')


def test_role_without_rights_on_what_a_rule_reads_is_held_to_it(migrated: Database) -> None:
    fill(migrated)
    role = f"clerk_{migrated.name}"
    migrated.execute(f'CREATE ROLE "{role}"; GRANT SELECT, UPDATE ON contacts TO "{role}"')
    try:
        clerk = f'SET ROLE "{role}"; '
        assert_refused(migrated, clerk + WRONG_CONTACT, WRONG_CONTACT_MESSAGE)
        migrated.execute(clerk + "UPDATE contacts SET company_id = 4 WHERE id = 11")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            migrated.execute(clerk + "SELECT 1 FROM companies")
        assert_rules_hold(migrated)
    finally:
        migrated.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_functions_belong_to_the_owner_of_companies_whoever_migrates(migrated: Database) -> None:
    unmake_triggers()
    role = f"owner_{migrated.name}"
    before = owner_of_companies(migrated)
    migrated.execute(
        f'CREATE ROLE "{role}"; GRANT ALL ON SCHEMA public TO "{role}";'
        f'ALTER TABLE companies OWNER TO "{role}"'
    )
    try:
        make_triggers()
        assert {row[3] for row in migrated.fetch(FUNCTIONS)} == {role}
    finally:
        migrated.execute(
            f'REASSIGN OWNED BY "{role}" TO "{before}"; DROP OWNED BY "{role}"; DROP ROLE "{role}"'
        )


def test_temporary_table_does_not_stand_in_for_a_real_one(migrated: Database) -> None:
    fill(migrated)

    assert_refused(
        migrated,
        "CREATE TEMPORARY TABLE companies AS SELECT 3 AS id, 1 AS tenant_id; " + WRONG_CONTACT,
        WRONG_CONTACT_MESSAGE,
    )


def test_dump_restores_and_the_rules_hold_there(migrated: Database, empty: Database) -> None:
    fill(migrated)

    # What pg_dump 18 writes at the head, no server before 17 understands.
    empty.run_script(migrated.dump().replace("SET transaction_timeout = 0;\n", ""))

    assert empty.dump() == migrated.dump()
    assert_refused(empty, WRONG_CONTACT, WRONG_CONTACT_MESSAGE)
    empty.execute("UPDATE contacts SET company_id = 4 WHERE id = 11")
    assert_rules_hold(empty)


@pytest.mark.slow
def test_fifty_thousand_contacts_move_with_their_orders(migrated: Database) -> None:
    migrated.execute(ROWS)
    migrated.execute("""
        INSERT INTO contacts (id, tenant_id, company_id, name)
        SELECT 100 + n, 1, 1, 'contact ' || n FROM generate_series(1, 50000) AS n;
        INSERT INTO orders (id, tenant_id, contact_id, order_number, customer_name)
        SELECT id, 1, id, 'bulk ' || id, name FROM contacts WHERE id > 100;
    """)
    one_first_then_all = """
        UPDATE contacts SET company_id = 2 WHERE id = 101;
        UPDATE contacts SET company_id = 2 WHERE id > 101;
    """

    started = time.monotonic()
    migrated.execute(one_first_then_all)
    taken = time.monotonic() - started

    assert_rules_hold(migrated)
    assert migrated.value("SELECT count(*) FROM orders WHERE company_id = 2") == 50001
    # A plan that compared each contact with each other one would take many minutes.
    assert taken < 60, f"{taken:.1f} s"
