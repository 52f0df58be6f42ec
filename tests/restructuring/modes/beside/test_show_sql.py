"""``--show-sql``: the statements of the run, which can be read, signed, and run by hand."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from contacts.restructuring.reports.sql_format import MEANINGS
from tests.cases.legacy_rows import ORPHAN, ROWS
from tests.support.database.databases import Database, Server, django_uses
from tests.support.runs.command import assert_migrates, run, run_child, start
from tests.support.runs.preparation import prepare_whole, sorted_dump

pytestmark = pytest.mark.slow

SHOW = ("--show-sql", "--noinput")
OBSCURE = re.compile(r"SET |SAVEPOINT|RELEASE|ALTER SEQUENCE|SELECT (setval|pg_try)")


def test_run_by_psql_it_makes_what_the_command_makes(
    sample: Database, server: Server, tmp_path: Path
) -> None:
    by_hand = server.copy(sample)
    try:
        shown = run(*SHOW)
        assert shown.code == 0, shown
        by_hand.run_script(shown.out)
        assert_migrates(tmp_path)

        assert by_hand.dump("--schema-only") == sample.dump("--schema-only")
        for table in ("companies", "contacts", "orders", "addresses"):
            query = f"SELECT * FROM {table} ORDER BY id"
            rows = f"SELECT to_jsonb(t) FROM ({query}) t"
            for (found,), (right,) in zip(by_hand.fetch(rows), sample.fetch(rows), strict=True):
                if table == "companies" and found["is_default"]:
                    found |= {"created_at": right["created_at"], "updated_at": right["updated_at"]}
                assert found == right
    finally:
        server.drop(by_hand.name)


def test_it_changes_nothing_and_writes_no_file(sample: Database, tmp_path: Path) -> None:
    before = sample.dump()

    shown = run(*SHOW, "--backup-dir", str(tmp_path))

    assert shown.code == 0, shown
    assert sample.dump() == before
    assert list(tmp_path.iterdir()) == []


def test_each_lock_stands_above_the_statement_that_takes_it(sample: Database) -> None:
    script = run(*SHOW).out

    for table in ("customers", "orders", "companies"):
        lock = f'-- lock: ACCESS EXCLUSIVE on public.{table}\nLOCK TABLE "public"."{table}" IN '
        assert lock in script
    assert script.count("-- lock: ACCESS EXCLUSIVE on public.orders\n") == 1
    assert "-- step: locks\n" in script
    assert "-- step: Applying companies.0002_hierarchy\n" in script


@pytest.mark.parametrize("prepared", [False, True])
def test_what_does_not_speak_for_itself_is_explained(sample: Database, prepared: bool) -> None:
    if prepared:
        prepare_whole()
    shown = run(*SHOW)
    assert shown.code == 0, shown

    lines = shown.out.splitlines()
    seen = set()
    for above, line in pairwise(lines):
        begins = next((begins for begins in MEANINGS if re.match(begins, line)), "")
        if begins:
            assert above == f"-- {MEANINGS[begins]}", line
            seen.add(begins)
        assert line.startswith("--") or not OBSCURE.match(line) or begins, line
    assert {r"SAVEPOINT", r"RELEASE SAVEPOINT", r"ALTER SEQUENCE .* RESTART"} <= seen
    assert prepared or {r'SET LOCAL "lock_timeout"', r"SELECT setval"} <= seen


def test_savepoints_around_nothing_are_left_out(sample: Database) -> None:
    short, whole = run(*SHOW).out, run(*SHOW, "-v", "2").out

    statements = [line for line in short.splitlines() if line and not line.startswith("--")]
    assert not [one for one, two in pairwise(statements) if two == f"RELEASE {one}"]
    assert short.count("\nSAVEPOINT") == short.count("\nRELEASE SAVEPOINT") > 5
    assert whole.count("\nSAVEPOINT") > short.count("\nSAVEPOINT")


def test_standard_output_holds_the_script_alone(sample: Database) -> None:
    shown = run_child(sample, *SHOW)

    assert shown.code == 0, shown
    assert shown.out.startswith("-- What 'manage.py migrate_contacts' executes, in one transaction")
    assert shown.out.rstrip().endswith("COMMIT;")
    assert "PRE-MIGRATION VALIDATION PASSED" in shown.err
    assert "readers and writers of these tables wait until it is rolled back" in shown.err


def test_what_only_reads_is_counted_or_with_more_words_shown(sample: Database) -> None:
    short, whole = run(*SHOW).out, run(*SHOW, "-v", "2").out

    told = re.search(r"^-- Left out: (\d+) statements that only read; -v 2", short, re.MULTILINE)
    assert told
    assert int(told[1]) > 20
    assert "Left out" not in whole
    assert "md5(" in whole or "sha256(" in whole, "the fingerprints"
    assert "md5(" not in short


def test_it_names_nobody(legacy: Database) -> None:
    legacy.execute(f"{ROWS}; {ORPHAN}")
    legacy.execute(
        "UPDATE customers SET name = 'Ada Lovelace ' || id, email = 'ada' || id || 'lace.example', "
        "phone = '5550' || id"
    )

    shown = run(*SHOW)

    assert shown.code == 0, shown
    for personal in ("Lovelace", "lace.example", "5550", "Row 1", "Customer 13"):
        assert personal not in shown.out


def test_a_name_cannot_leave_its_comment(legacy: Database) -> None:
    legacy.execute('CREATE VIEW "odd\nDROP TABLE tenants" AS SELECT 1 AS one FROM customers')

    script = run(*SHOW).out

    assert "\nDROP TABLE tenants" not in script


def test_it_asks_before_it_locks_anybody_out(legacy: Database) -> None:
    before = legacy.dump()

    with start(legacy, "--show-sql", terminal=True) as begun:
        begun.wait_for("Proceed with the rehearsal?")
        assert "readers and writers of these tables wait until it is rolled back" in begun.said()
        begun.answer("no")
        done = begun.end()

    assert done.code == 1
    assert done.out == ""
    assert legacy.dump() == before


def test_json_holds_each_statement_with_its_locks(legacy: Database) -> None:
    document = run(*SHOW, "--format", "json").document

    locks = [lock for item in document["sql"] for lock in item["locks"]]
    assert {"table": "public.customers", "mode": "AccessExclusiveLock"} in locks
    assert any(item["text"].startswith("ALTER TABLE") for item in document["sql"])


def test_an_empty_copy_of_the_schema_shows_the_same_changes_of_tables(
    sample: Database, legacy: Database
) -> None:
    shown = []
    for database in (sample, legacy):
        with django_uses(database):
            shown.append(run(*SHOW))

    # Which check rules are in force at once depends on the rows.
    altered = [
        [
            line
            for line in done.out.splitlines()
            if line.startswith("ALTER TABLE")
            if " ck_" not in line.replace('"', " ")
        ]
        for done in shown
    ]
    assert len(altered[0]) > 20
    assert altered[0] == altered[1]


def test_on_a_prepared_database_it_shows_the_switch(sample: Database) -> None:
    prepare_whole()
    before = sorted_dump(sample)

    shown = run(*SHOW)

    assert shown.code == 0, shown
    assert "ALTER TABLE" in shown.out
    assert "jmsk_preparation_journal" in run(*SHOW, "-v", "2").out
    assert sorted_dump(sample) == before


def test_on_a_migrated_database_it_says_so_beside_the_script(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)

    shown = run(*SHOW)

    assert (shown.code, shown.out) == (0, "")
    assert "already migrated: nothing to do" in shown.err
