"""Running migrate_contacts inside this process, on Django's default connection."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.management import CommandError, call_command
from django.db import connections

from tests.support.databases import Database

PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a run said and how it ended. ``error`` is '' where it ended well."""

    code: int
    out: str
    err: str
    error: str = ""


def run(*arguments: str) -> Run:
    """Run migrate_contacts on Django's default connection; its own errors do not raise."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("migrate_contacts", *arguments, stdout=out, stderr=err, no_color=True)
    except CommandError as error:
        return Run(error.returncode, out.getvalue(), err.getvalue(), str(error))
    return Run(0, out.getvalue(), err.getvalue())


def migrate(folder: Path, *arguments: str) -> Run:
    """Do a full run without questions and without a backup; its report goes to ``folder``."""
    return run("--noinput", "--skip-backup", "--backup-dir", str(folder), *arguments)


def assert_migrates(folder: Path, *arguments: str) -> Run:
    """Do a full run, which has to succeed."""
    done = migrate(folder, *arguments)
    assert (done.code, done.error) == (0, ""), done
    return done


def assert_refused(database: Database, done: Run, before: str, *messages: str) -> None:
    """Fail unless a run ended with code 1, said all of ``messages``, and changed no byte."""
    assert done.code == 1, done
    for message in messages:
        assert message in done.out + done.error
    assert database.dump() == before


def environment(database_url: str) -> dict[str, str]:
    """Return the environment of an operator's shell that names this database."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "DATABASE_URL": database_url, "PYTHONUTF8": "1"}


@contextmanager
def acting_as(role: str) -> Iterator[None]:
    """Let Django's default connection act as another role, with that role's rights only."""
    default = connections["default"]
    options = default.settings_dict["OPTIONS"]
    default.close()
    default.settings_dict["OPTIONS"] = {**options, "options": f"-c role={role}"}
    try:
        yield
    finally:
        default.close()
        default.settings_dict["OPTIONS"] = options


@contextmanager
def roles(database: Database, *names: str) -> Iterator[list[str]]:
    """Make roles that no other test has, and drop them with all that they own here."""
    made = [f"{name}_{database.name}" for name in names]
    for role in made:
        database.execute(f'CREATE ROLE "{role}"')
    try:
        yield made
    finally:
        for role in made:
            database.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')
