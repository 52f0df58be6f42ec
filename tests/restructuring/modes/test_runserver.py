"""What runserver says of a database that the admin cannot work on."""

import io

import pytest
from django.core.management import get_commands, load_command_class

from tests.support.database.databases import Database
from tests.support.runs.command import run


def told() -> str:
    command = load_command_class(get_commands()["runserver"], "runserver")
    command.stdout = out = io.StringIO()  # type: ignore[assignment]
    command.check_migrations()
    return out.getvalue()


def test_a_database_that_was_rolled_back_is_not_sent_to_a_plain_migrate(
    sample: Database, tmp_path: pytest.TempPathFactory
) -> None:
    options = ("--noinput", "--skip-backup", "--backup-dir", str(tmp_path))
    assert run(*options).code == 0
    assert told() == ""
    assert run("--rollback", *options).code == 0
    assert "The database is legacy, and the admin needs a migrated one" in told()
    assert "manage.py migrate_contacts --dry-run" in told()
    assert "manage.py migrate'" not in told()


def test_an_empty_database_is(empty: Database) -> None:
    assert "Run 'python manage.py migrate' to apply them." in told()
