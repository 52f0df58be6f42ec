"""A role or a password that is not enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.runs.aftermath import remember, state
from tests.support.runs.command import assert_clear_refusal, run_child
from tests.support.servers.own_servers import OwnServer
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def role(sample: Database) -> Iterator[str]:
    """A role without any rights."""
    name = f"guest_of_{sample.name}"
    sample.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    sample.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.mark.parametrize(
    "rights", ["", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"], ids=["none", "reads"]
)
def test_a_role_without_rights_is_refused_with_what_it_lacks(
    sample: Database, tmp_path: Path, role: str, rights: str
) -> None:
    before = remember(sample)
    if rights:
        sample.execute(rights.format(role=role))
    as_role = Database(sample.name, {**sample.settings, "USER": role})
    done = run_child(as_role, "--noinput", "--backup-dir", str(tmp_path))
    assert_clear_refusal(done, "Rights on the tables and their schema", "Nothing was changed")
    assert f"Role {role} is not a member of postgres, the owner of customers" in done.out
    sample.execute(f"DROP OWNED BY {role}")
    assert state(sample, before) == "legacy"


def test_a_role_that_may_not_read_the_record_is_told_what_to_grant(
    sample: Database, tmp_path: Path, role: str
) -> None:
    sample.execute("CREATE TABLE django_migrations (id int, app text, name text, applied date)")
    as_role = Database(sample.name, {**sample.settings, "USER": role})
    done = run_child(as_role, "--dry-run", "--backup-dir", str(tmp_path))
    assert_clear_refusal(
        done, "[MC110]", "may not read django_migrations", "GRANT", "Nothing was changed"
    )


def test_a_role_that_may_not_use_the_schema_is_told_so(
    sample: Database, tmp_path: Path, role: str
) -> None:
    sample.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    as_role = Database(sample.name, {**sample.settings, "USER": role})
    done = run_child(as_role, "--dry-run", "--backup-dir", str(tmp_path))
    assert_clear_refusal(done, "Rights on the tables and their schema")
    assert f"Role {role} may not use schema public" in done.out


def test_a_password_that_is_not_given_or_wrong_is_told_without_it(
    own: OwnServer, tmp_path: Path
) -> None:
    database = own.database("sample")
    database.execute("CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'the right one'")
    assert own.running is not None
    rules = own.running.location.data / "pg_hba.conf"
    rules.write_text(f"local all clerk scram-sha-256\n{rules.read_text()}")
    database.execute("SELECT pg_reload_conf()")
    options = ("--noinput", "--backup-dir", str(tmp_path))
    clerk = {**database.settings, "USER": "clerk"}

    def refused(password: str) -> bool:
        done = run_child(Database(database.name, {**clerk, "PASSWORD": password}), *options)
        return done.code == 1 and "The database cannot be reached" in done.error

    wait_until(lambda: refused(""), 20)
    for password, told in (
        ("", "no password supplied"),
        ("guessed s3cret", "authentication failed"),
    ):
        done = run_child(Database(database.name, {**clerk, "PASSWORD": password}), *options)
        assert_clear_refusal(done, "The database cannot be reached", told, "DATABASE_URL")
        assert not password or "s3cret" not in done.output
    right = Database(database.name, {**clerk, "PASSWORD": "the right one"})
    done = run_child(right, *options)
    assert done.code == 0, done.output
    assert "the right one" not in done.output
    for report in tmp_path.glob("migration_report_*"):
        assert "the right one" not in report.read_text()
