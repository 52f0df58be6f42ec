"""Making the database that DATABASE_URL names, and what says that it is missing."""

import io
import os
import subprocess
import sys

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connections

from jmsk.postgres.databases import is_missing
from tests.support.database.databases import Database
from tests.support.project import PROJECT


def manage(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_database_is_made_once_and_can_be_filled(empty: Database) -> None:
    name = f"{empty.name}_made"
    url = empty.url.replace(empty.name, name)
    try:
        unmade = manage(url, "load_legacy_sample")
        assert unmade.returncode == 1
        assert f'The server has no database "{name}".' in unmade.stderr
        assert "'manage.py create_database'" in unmade.stderr
        assert f'Database "{name}" was made.' in manage(url, "create_database").stdout
        assert f'Database "{name}" is there already.' in manage(url, "create_database").stdout
        assert manage(url, "load_legacy_sample").returncode == 0
    finally:
        empty.execute(f'DROP DATABASE IF EXISTS "{name}"')


def test_a_role_that_may_not_is_told_what_it_needs(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = connections["default"].settings_dict
    role = f"{empty.name}_poor"
    empty.execute(f'CREATE ROLE "{role}" LOGIN')
    connections["default"].close()
    monkeypatch.setitem(settings, "NAME", f"{empty.name}_refused")
    monkeypatch.setitem(settings, "USER", role)
    try:
        with pytest.raises(CommandError, match=r"could not be made.*\n.*the right CREATEDB"):
            call_command("create_database", stdout=io.StringIO())
        assert is_missing(connections["default"], refusal())
    finally:
        monkeypatch.undo()
        connections["default"].close()
        empty.execute(f'DROP ROLE "{role}"')


def test_a_database_that_is_there_is_not_missing(empty: Database) -> None:
    assert not is_missing(connections["default"], Exception(f"about {empty.name}"))


def test_where_nobody_answers_nothing_is_missing(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections["default"].close()
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connections["default"].settings_dict, "PORT", "1")
    assert not is_missing(connections["default"], refusal())
    assert not is_missing(connections["default"], Exception(f"about {empty.name}"))


def refusal() -> Exception:
    """Return the error of connecting where that cannot be done."""
    with pytest.raises(OperationalError) as refused:
        connections["default"].ensure_connection()
    return refused.value
