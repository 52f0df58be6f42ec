"""D: what PostgreSQL and Django offer for a backup and for a restore."""

from collections.abc import Iterable
from pathlib import Path

from tests.benchmark.programs import manage, run
from tests.support.database.databases import Database, find_program
from tests.support.project import environment

LEGACY = ("tenants", "companies", "customers", "orders")
MODELS = ("companies.Tenant", "companies.Company", "contacts.Contact", "orders.Order")


def pg_dump(database: Database, folder: Path, tables: Iterable[str] = LEGACY) -> float:
    """Dump tables as ``pg_dump -Fc`` does; return the seconds."""
    file = folder / "pg_dump"
    arguments = [find_program("pg_dump"), "-Fc", f"--file={file}"]
    arguments += [f"--table={table}" for table in tables]
    ran = run([*arguments, f"--dbname={database.url}"], environment(database.url), folder)
    file.unlink()
    return ran.seconds


def dumpdata(database: Database, file: Path) -> float:
    """Dump a migrated database's tables as Django does, packed by the file's name; seconds."""
    arguments = ("dumpdata", *MODELS, "--format=jsonl", f"--output={file}")
    return manage(database.url, *arguments, folder=file.parent).seconds


def loaddata(database: Database, file: Path) -> float:
    """Empty a migrated database's tables and load a dump into them; return the latter's seconds.

    Tables that ``migrate`` makes from nothing would not do: they have the check rules that some of
    the rows break.
    """
    database.execute("TRUNCATE tenants CASCADE")
    return manage(database.url, "loaddata", str(file), folder=file.parent).seconds
