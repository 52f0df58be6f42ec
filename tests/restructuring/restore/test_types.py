"""Types that drift has brought: made again in an empty database, or missed before any change."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.backup.manifest import FILE_NAME, Backup, _spell, parse, render
from contacts.restructuring.backup.reader import read_backup
from contacts.restructuring.database.layout import read_layout
from tests.support.database.databases import Database
from tests.support.runs.backups import TABLES, back_up, contents, restore
from tests.support.runs.command import assert_refused, run

pytestmark = pytest.mark.slow

DOMAINS = """
CREATE SCHEMA elsewhere;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE DOMAIN elsewhere."odd name" AS text COLLATE "C" DEFAULT 'it''s' NOT NULL
    CONSTRAINT "not 100% empty" CHECK (VALUE <> '') CHECK (length(VALUE) < 9);
CREATE DOMAIN zz_short AS varchar(20);
CREATE DOMAIN aa_shorter AS zz_short CHECK (length(VALUE) <= 10);
CREATE DOMAIN feeling AS mood CHECK (VALUE <> 'sad');
CREATE DOMAIN pair AS numeric(8,2)[] CHECK (array_length(VALUE, 1) = 2);
CREATE DOMAIN later AS date;
ALTER DOMAIN later ADD CONSTRAINT not_yet CHECK (VALUE > '2000-01-01') NOT VALID;
ALTER TABLE orders ADD COLUMN short aa_shorter DEFAULT 'a', ADD COLUMN shorts aa_shorter[],
    ADD COLUMN felt feeling, ADD COLUMN pair pair, ADD COLUMN dated later,
    ADD COLUMN odd elsewhere."odd name", ADD COLUMN odds elsewhere."odd name"[];
UPDATE orders SET short = 'b', shorts = '{c,NULL}', felt = 'glad', pair = '{1.5,2}',
    dated = '2020-02-02', odd = 'd', odds = '{e}' WHERE id % 2 = 0;
"""


def empty_it(database: Database, *statements: str) -> None:
    """Drop everything; then run ``statements``."""
    database.run_script(
        "DROP SCHEMA IF EXISTS elsewhere CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
        + "".join(statements)
    )


def domains(database: Database) -> list[str]:
    """The statements of a dump that make domains."""
    dumped = database.dump("--schema-only", "--no-owner")
    return sorted(re.findall(r"^(?:CREATE|ALTER) DOMAIN [^;]*;", dumped, re.MULTILINE))


def test_domains_are_made_again_as_they_were(sample: Database, tmp_path: Path) -> None:
    sample.run_script(DOMAINS)
    before, rows = domains(sample), contents(sample)
    tables = [flag for name in TABLES for flag in ("-t", name)]
    dumped = sorted(sample.dump(*tables).splitlines())
    backup = back_up(tmp_path)
    empty_it(sample, "CREATE SCHEMA elsewhere")
    done = run("--restore", str(backup.path), "--noinput", "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, "")
    assert len(before) == 7
    assert domains(sample) == before
    assert contents(sample) == rows
    assert sorted(sample.dump(*tables).splitlines()) == dumped


def test_a_domain_that_is_there_is_used(sample: Database, tmp_path: Path) -> None:
    sample.run_script(DOMAINS)
    backup = back_up(tmp_path)
    empty_it(sample, DOMAINS.split("ALTER TABLE", maxsplit=1)[0])
    restore(backup)
    assert sample.value("SELECT count(*) FROM orders WHERE felt::text = 'glad'") > 0


def test_domains_move_with_the_tables_to_another_schema(sample: Database, tmp_path: Path) -> None:
    sample.run_script(DOMAINS)
    rows = contents(sample)
    sample.run_script("ALTER SCHEMA public RENAME TO shop; CREATE SCHEMA public")
    backup = back_up(tmp_path)
    empty_it(sample, "DROP SCHEMA shop CASCADE; CREATE SCHEMA elsewhere")
    restore(backup)
    assert contents(sample) == rows
    assert [line.split()[2] for line in domains(sample) if line.startswith("CREATE")] == [
        'elsewhere."odd',
        *(f"public.{name}" for name in ("aa_shorter", "feeling", "later", "pair", "zz_short")),
    ]


@pytest.mark.parametrize(
    ("there", "told"),
    [
        ("CREATE DOMAIN short AS text", "exists and is text; the backup needs character varying"),
        ("CREATE TYPE short AS (a int)", "exists and is no domain; the backup needs character"),
    ],
)
def test_another_type_of_a_domains_name_stops_it(
    sample: Database, tmp_path: Path, there: str, told: str
) -> None:
    sample.run_script("CREATE DOMAIN short AS varchar(20); ALTER TABLE orders ADD code short")
    backup = back_up(tmp_path)
    empty_it(sample, there)
    assert_it_refuses(sample, backup, told)


AVAILABLE = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
CASES = {
    "composite": (
        "CREATE TYPE size AS (a integer, b integer); ALTER TABLE orders ADD boxed size",
        ["orders.boxed is of the type size", "First make the composite type public.size"],
        "CREATE TYPE size AS (a integer, b integer)",
    ),
    "range": (
        "CREATE TYPE span AS RANGE (subtype = text); ALTER TABLE orders ADD spans span[]",
        ["orders.spans is of the type span[]", "First make the range type public.span"],
        "CREATE TYPE span AS RANGE (subtype = text)",
    ),
    "extension": (
        "CREATE EXTENSION vector; ALTER TABLE customers ADD nick vector(2) DEFAULT '[1,2]'",
        ["customers.nick is of the type vector(2)", "First make the extension vector"],
        "CREATE EXTENSION vector",
    ),
    "domain over an extension's type": (
        "CREATE EXTENSION vector; CREATE DOMAIN nick AS vector;ALTER TABLE customers ADD nick nick",
        [
            "customers.nick is of the type nick",
            "The domain nick is based on vector, which is missing",
            "First make the extension vector",
        ],
        "CREATE EXTENSION vector",
    ),
    "domain that calls a function": (
        "CREATE FUNCTION fine(text) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
        "CREATE DOMAIN code AS text CHECK (fine(VALUE)); ALTER TABLE orders ADD code code",
        ["orders.code is of the type code", "function fine(text) does not exist"],
        "CREATE FUNCTION fine(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
    ),
    "default that calls a function": (
        "CREATE FUNCTION fresh() RETURNS text LANGUAGE sql AS 'SELECT md5(random()::text)';"
        "CREATE DOMAIN code AS text; ALTER TABLE orders ADD code code DEFAULT fresh()",
        ["orders.code of the type code cannot be made", "function fresh() does not exist"],
        "CREATE FUNCTION fresh() RETURNS text LANGUAGE sql AS 'SELECT md5(random()::text)'",
    ),
    "domain in a schema that is missing": (
        "CREATE SCHEMA elsewhere; CREATE DOMAIN elsewhere.code AS text;"
        "ALTER TABLE orders ADD code elsewhere.code",
        ["orders.code is of the type elsewhere.code", 'schema "elsewhere" does not exist'],
        "CREATE SCHEMA elsewhere",
    ),
    "enum in a schema that is missing": (
        "CREATE SCHEMA elsewhere; CREATE TYPE elsewhere.code AS ENUM ('a');"
        "ALTER TABLE orders ADD code elsewhere.code",
        [
            "orders.code is of the type elsewhere.code",
            'The type code cannot be made: schema "elsewhere"',
        ],
        "CREATE SCHEMA elsewhere",
    ),
    "index that calls a function": (
        "CREATE FUNCTION fold(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';"
        "CREATE INDEX near ON customers (fold(name))",
        ["An index or constraint of customers cannot be made", "fold(", '"near"'],
        "CREATE FUNCTION fold(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)'",
    ),
    "key to a table of others": (
        "ALTER TABLE orders ADD by_user integer REFERENCES users",
        ["A foreign key of orders cannot be made", 'relation "users" does not exist'],
        "CREATE TABLE users (id integer PRIMARY KEY)",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_made_is_missed_before_any_change(
    sample: Database, tmp_path: Path, case: str
) -> None:
    drift, told, remedy = CASES[case]
    if "EXTENSION" in drift and not sample.fetch(AVAILABLE):
        pytest.skip("the server does not have the extension vector")
    sample.run_script(drift)
    rows = contents(sample)
    backup = back_up(tmp_path)
    empty_it(sample)
    assert_it_refuses(sample, backup, *told)
    sample.run_script(remedy)
    done = run("--restore", str(backup.path), "--noinput", "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, "")
    assert contents(sample) == rows


def assert_it_refuses(database: Database, backup: Backup, *told: str) -> None:
    """Fail unless the command refuses, says ``told`` before it would ask, and changes nothing."""
    before = database.dump()
    done = run("--restore", str(backup.path), "--noinput")
    assert_refused(database, done, before, "The database is as it was", *told)
    assert "READY TO RESTORE" not in done.out
    assert not read_layout(connection).tables


NEWER = {
    1: ("domains", "others", "encoding", "created_rows"),
    2: ("encoding", "created_rows"),
    3: ("encoding", "created_rows"),
}
"""What each earlier format did not know of. 1 and 2 had of an index or constraint no UNTYPED."""
UNTYPED = ("type", "columns", "target", "target_columns", "validated", "predicate")


def old(backup: Backup, version: int = 1) -> Backup:
    """The backup as an earlier version wrote it."""
    path = backup.path / FILE_NAME
    values = json.loads(path.read_text())
    assert values["format"] == 4
    for table in values["tables"] if version < 3 else ():
        for item in table["objects"]:
            for name in UNTYPED:
                del item[name]
    for name in ("sha256", *NEWER[version]):
        del values[name]
    path.write_bytes(_spell({**values, "format": version}))
    return read_backup(backup.path)


@pytest.mark.parametrize("version", NEWER)
def test_a_backup_of_an_earlier_version_is_restored(
    sample: Database, tmp_path: Path, version: int
) -> None:
    tables = [flag for name in TABLES for flag in ("-t", name)]
    before = sorted(sample.dump(*tables).splitlines())
    written = back_up(tmp_path)
    backup = old(written, version)
    assert backup.manifest == replace(written.manifest, format=version, encoding="")
    empty_it(sample)
    restore(backup)
    assert sorted(sample.dump(*tables).splitlines()) == before


def test_a_domain_that_an_earlier_version_did_not_record_is_missed(
    sample: Database, tmp_path: Path
) -> None:
    sample.run_script("CREATE DOMAIN short AS varchar(20); ALTER TABLE orders ADD code short")
    rows = contents(sample)
    backup = old(back_up(tmp_path))
    empty_it(sample)
    assert_it_refuses(sample, backup, "orders.code is of the type short", "First make these types")
    sample.execute("CREATE DOMAIN short AS varchar(20)")
    restore(backup)
    assert contents(sample) == rows


def test_a_manifest_with_domains_reads_back(sample: Database, tmp_path: Path) -> None:
    sample.run_script(DOMAINS)
    manifest = back_up(tmp_path).manifest
    assert len(manifest.domains) == 6
    assert parse(render(manifest)) == manifest
