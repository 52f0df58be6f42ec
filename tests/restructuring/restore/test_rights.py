"""A role that lacks a right is told before anything is changed, with the GRANT that mends it."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from contacts.restructuring.checks.before_restore import ALWAYS
from tests.cases.legacy_rows import CREATE, OWN_TABLES, READ_TABLES
from tests.support.database.databases import Database
from tests.support.database.roles import acting_as, roles
from tests.support.runs.backups import back_up
from tests.support.runs.command import assert_migrates, assert_refused, run

pytestmark = pytest.mark.slow

FOLDER = "migration_20240506_070809"


@dataclass(frozen=True)
class Case:
    """What takes a right from the owner of the tables, and what is said of it.

    ``{role}`` is the owner, ``{other}`` another role, ``{database}`` the database.
    """

    sql: str
    message: str
    mend: str

    def __str__(self) -> str:
        return self.mend


NO_TEMPORARY = Case(
    "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
    "Role {role} may not create temporary tables in database {database}",
    "GRANT TEMPORARY ON DATABASE",
)
NO_CREATE = Case(
    "REVOKE CREATE ON SCHEMA public FROM {role}",
    "Role {role} may not create in schema public",
    "GRANT CREATE ON SCHEMA",
)
ELSEWHERE = 'CREATE SCHEMA elsewhere; CREATE TABLE elsewhere."n 1" (o integer REFERENCES orders);'
CASES = (
    NO_TEMPORARY,
    NO_CREATE,
    Case(
        "REVOKE SELECT ON shipments FROM {role}",
        "Role {role} may not read shipments, which refers to orders",
        'GRANT SELECT ON "public"."shipments"',
    ),
    Case(
        "REVOKE SELECT ON users FROM {role}",
        "Role {role} may not read users, which refers to tenants",
        'GRANT SELECT ON "public"."users"',
    ),
    Case(
        ELSEWHERE + 'GRANT SELECT ON elsewhere."n 1" TO {role}',
        "Role {role} may not use schema elsewhere, where n 1 refers to orders",
        'GRANT USAGE ON SCHEMA "elsewhere"',
    ),
    Case(
        ELSEWHERE + "GRANT USAGE ON SCHEMA elsewhere TO {role}",
        "Role {role} may not read n 1, which refers to orders",
        'GRANT SELECT ON "elsewhere"."n 1"',
    ),
    Case(
        "ALTER TABLE tenants OWNER TO {other}; GRANT SELECT ON tenants TO {role}",
        "Role {role} is not a member of {other}, the owner of tenants",
        'GRANT "other_',
    ),
    Case(
        "CREATE SEQUENCE numbers; GRANT SELECT ON numbers TO {role};"
        "ALTER TABLE customers ALTER phone SET DEFAULT nextval('numbers')::text;"
        "ALTER SEQUENCE numbers OWNER TO {other}",
        "Role {role} is not a member of {other}, the owner of sequence numbers",
        'GRANT "other_',
    ),
)


@contextmanager
def owning(database: Database, case: Case, setting: str) -> Iterator[dict[str, str]]:
    """Act as a role that ``setting`` lets own the tables, less what ``case`` takes; its names."""
    with roles(database, "owner", "other") as (role, other), ExitStack() as stack:
        names = {"role": role, "other": other, "database": database.name}
        quoted = {name: f'"{value}"' for name, value in names.items()}
        database.execute(f"{setting};{case.sql};".format(**quoted))
        stack.enter_context(acting_as(role))
        yield names


def assert_grant_mends_it(
    database: Database, folder: Path, case: Case, names: dict[str, str], *arguments: str
) -> None:
    """Fail unless the run is refused, tells what ``case`` says, and its GRANT lets it pass."""
    options = ("--noinput", "--backup-dir", str(folder))
    before = database.dump()
    refused = run(*arguments, *options)
    assert_refused(database, refused, before, case.message.format(**names), "Validation failed")
    assert len(list(folder.glob("migration_2*[0-9]"))) == 1, "it wrote a backup before it refused"
    (statement,) = set(re.findall(r": ((?:GRANT|CREATE) .*)", refused.out))
    assert statement.startswith(case.mend)
    database.execute(statement)
    done = run(*arguments, *options)
    assert (done.code, done.error) == (0, ""), done


@pytest.mark.parametrize("case", CASES, ids=str)
def test_into_a_legacy_database(sample: Database, tmp_path: Path, case: Case) -> None:
    back_up(tmp_path)
    with owning(sample, case, OWN_TABLES + READ_TABLES + CREATE) as names:
        restore = ("--restore", str(tmp_path / FOLDER))
        assert_grant_mends_it(sample, tmp_path, case, names, *restore)


@pytest.mark.parametrize("case", [NO_TEMPORARY, NO_CREATE], ids=str)
def test_into_an_empty_database(sample: Database, tmp_path: Path, case: Case) -> None:
    back_up(tmp_path)
    sample.run_script("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with owning(sample, case, "GRANT USAGE, CREATE ON SCHEMA public TO {role}") as names:
        restore = ("--restore", str(tmp_path / FOLDER))
        assert_grant_mends_it(sample, tmp_path, case, names, *restore)


def test_into_a_database_without_its_schema(sample: Database, tmp_path: Path) -> None:
    back_up(tmp_path)
    sample.run_script("DROP SCHEMA public CASCADE")
    missing = Case("", "There is no schema public", 'CREATE SCHEMA "public"')
    restore = ("--restore", str(tmp_path / FOLDER))
    assert_grant_mends_it(sample, tmp_path, missing, {}, *restore)


def test_tables_of_several_owners_need_no_rights_on_each_other(
    sample: Database, tmp_path: Path
) -> None:
    back_up(tmp_path)
    several = Case("ALTER TABLE companies OWNER TO {other}; GRANT {other} TO {role}", "", "")
    with owning(sample, several, OWN_TABLES + READ_TABLES + CREATE):
        done = run("--restore", str(tmp_path / FOLDER), "--noinput", "--backup-dir", str(tmp_path))
    assert (done.code, done.error) == (0, ""), done


def test_rows_of_others_that_a_policy_hides_are_named(sample: Database, tmp_path: Path) -> None:
    back_up(tmp_path)
    hidden = Case("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "", "")
    with owning(sample, hidden, OWN_TABLES + READ_TABLES + CREATE) as names:
        before = sample.dump()
        told = "Row-level security hides rows of users, which refers to tenants, from role "
        done = run("--restore", str(tmp_path / FOLDER), "--noinput")
        assert_refused(sample, done, before, told + names["role"])


def test_own_rows_that_a_policy_hides_are_named(sample: Database, tmp_path: Path) -> None:
    back_up(tmp_path)
    hidden = Case("ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "", "")
    with owning(sample, hidden, OWN_TABLES + READ_TABLES + CREATE):
        before = sample.dump()
        done = run("--restore", str(tmp_path / FOLDER), "--noinput")
        assert_refused(sample, done, before, "Row-level security hides rows of orders")


def test_what_belongs_to_who_migrated_is_named(sample: Database, tmp_path: Path) -> None:
    back_up(tmp_path)
    assert_migrates(tmp_path)
    owns = OWN_TABLES.replace("customers", "contacts") + "ALTER TABLE addresses OWNER TO {role};"
    with owning(sample, Case("", "", ""), owns + READ_TABLES + CREATE) as names:
        before = sample.dump()
        for mode in (["--restore", str(tmp_path / FOLDER)], ["--rollback"]):
            done = run(*mode, "--noinput", "--backup-dir", str(tmp_path))
            told = f"Role {names['role']} is not a member of postgres, the owner of"
            made = ("django_migrations", "function trg_validate_order_relationships")
            assert_refused(sample, done, before, *(f"{told} {what}" for what in made))
            assert "GRANT" not in done.out, "membership of a superuser was proposed"


EVERYTHING = """
    SELECT 'TABLE', relname FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'FUNCTION', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def test_a_rollback_must_see_who_refers_to_the_companies_that_go(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    back_up(tmp_path)
    owns = "".join(
        f"ALTER {kind} {name} OWNER TO {{role}};" for kind, name in sample.fetch(EVERYTHING)
    )
    case = Case(
        "CREATE TABLE letters (company_id integer REFERENCES companies)",
        "Role {role} may not read letters, which refers to companies",
        'GRANT SELECT ON "public"."letters"',
    )
    with owning(sample, case, owns + CREATE) as names:
        assert_grant_mends_it(sample, tmp_path, case, names, "--rollback")


def test_a_server_that_takes_no_writes_is_named(sample: Database, tmp_path: Path) -> None:
    back_up(tmp_path)
    sample.execute(f"ALTER DATABASE {sample.name} SET default_transaction_read_only = on")
    connection.close()
    before = sample.dump()
    done = run("--restore", str(tmp_path / FOLDER), "--noinput", "--backup-dir", str(tmp_path))
    assert_refused(sample, done, before, "default_transaction_read_only is on")


def test_every_check_before_a_restore_is_tried() -> None:
    tried = {"rights", "temporary_tables", "referring_tables", "readable_rows", "writable"}
    in_every_mode = {"django_project"}
    assert {check.id for check in ALWAYS} == tried | in_every_mode
