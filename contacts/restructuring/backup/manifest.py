"""What a backup says about itself: its tables, and a checksum over every byte.

The manifest is JSON in one spelling only, so that a flipped byte is found even where JSON would
not care, and carries the SHA-256 of its own remainder.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from contacts.created_companies import Row
from contacts.restructuring.backup.column_types import Domain, EnumType, OtherType
from contacts.restructuring.backup.fixture_file import Written, read_back
from contacts.restructuring.backup.sequences import Sequence
from contacts.restructuring.database.layout import Stage
from contacts.restructuring.database.tables import Column, Table
from contacts.restructuring.proof.fingerprint import Fingerprint
from jmsk.postgres.catalogue import TableObject

FORMAT_VERSION = 4
"""1 had neither ``domains`` nor ``others``; it is read as if there were none. 1 and 2 knew only the
definition of an index or constraint; what it says is read from that. Up to 3 there was no
``encoding`` and no ``created_rows``."""
READABLE = (1, 2, 3, FORMAT_VERSION)
FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class TableBackup:
    """One table: where its rows are, what they looked like, and how to build it again.

    ``model`` is the fixture's label, ``key`` the column of its pk, ``fields`` names the field of
    each other modelled column; what is in neither stands under ``extra``. ``file`` is the file's
    name, ``size`` its bytes, ``sha256`` its checksum, ``content_sha256`` that of the lines in it.
    """

    table: str
    file: str
    size: int
    sha256: str
    content_sha256: str
    rows: int
    fingerprint: Fingerprint
    model: str
    key: str
    fields: Mapping[str, str]
    columns: tuple[Column, ...]
    collations: Mapping[str, str]
    objects: tuple[TableObject, ...]
    sequences: tuple[Sequence, ...]

    @property
    def stored_names(self) -> tuple[str, ...]:
        """The columns that hold a value of their own, in the table's order."""
        return tuple(column.name for column in self.columns if not column.generated)

    def as_table(self, schema: str, oid: int = 0) -> Table:
        """Return the table as it was, as if it lay in ``schema``."""
        return Table(schema, self.table, oid, "r", "", self.columns)


@dataclass(frozen=True)
class Manifest:
    """``taken_at`` is UTC, ISO 8601; ``migrations`` are the applied ones as ``app.name``.

    ``enums``, ``domains`` and ``others`` are the types that the columns are based on, as far as
    PostgreSQL does not bring them along; ``others`` a restore cannot make.

    ``created_companies`` are the ids of the default companies among the rows that a migration
    created, ``created_rows`` what it made them of; None and {} where that is not known.
    ``encoding`` is the database's, '' where it is not known.
    """

    tool_version: str
    server_version: str
    database: str
    host: str
    stage: Stage
    schema: str
    taken_at: str
    migrations: tuple[str, ...]
    enums: tuple[EnumType, ...]
    tables: tuple[TableBackup, ...]
    domains: tuple[Domain, ...] = ()
    others: tuple[OtherType, ...] = ()
    created_companies: tuple[int, ...] | None = None
    created_rows: Mapping[str, Row | None] = field(default_factory=dict)
    encoding: str = ""
    format: int = FORMAT_VERSION


def render(manifest: Manifest) -> bytes:
    """Return the manifest's file, checksum included."""
    return _spell(asdict(manifest))


def parse(data: bytes) -> Manifest:
    """Return the manifest in ``data``. Raises ValueError, which says why, if it is not whole."""
    try:
        values = json.loads(data)
        version = values["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"it is not a manifest ({error!r})") from error
    if version not in READABLE:
        known = f"1 to {FORMAT_VERSION}"
        raise ValueError(f"its format is {version!r}, and this version reads formats {known}")
    values.pop("sha256", None)
    if _spell(values) != data:
        raise ValueError("its checksum is wrong: it has been changed or damaged")
    return _build(values)


def _spell(values: dict[str, Any]) -> bytes:
    return _dump({**values, "sha256": hashlib.sha256(_dump(values)).hexdigest()}) + b"\n"


def _dump(values: Any) -> bytes:
    return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False).encode()


def _build(values: dict[str, Any]) -> Manifest:
    created = values.get("created_companies")
    parts = {
        "stage": Stage(values["stage"]),
        "migrations": tuple(values["migrations"]),
        "enums": tuple(
            EnumType(item["schema"], item["name"], tuple(item["labels"]))
            for item in values["enums"]
        ),
        "domains": tuple(_build_domain(item) for item in values.get("domains", ())),
        "others": tuple(OtherType(**item) for item in values.get("others", ())),
        "tables": tuple(_build_table(item) for item in values["tables"]),
        "created_companies": None if created is None else tuple(created),
    }
    return Manifest(**{**values, **parts})


def _build_domain(values: dict[str, Any]) -> Domain:
    return Domain(**{**values, "constraints": tuple(map(tuple, values["constraints"]))})


def _build_table(values: dict[str, Any]) -> TableBackup:
    parts = {
        "fingerprint": Fingerprint(**values["fingerprint"]),
        "columns": tuple(Column(**item) for item in values["columns"]),
        "objects": tuple(TableObject.from_dict(item) for item in values["objects"]),
        "sequences": tuple(Sequence(**item) for item in values["sequences"]),
    }
    return TableBackup(**{**values, **parts})


@dataclass(frozen=True)
class Backup:
    """A backup on the disk. ``fingerprints`` and ``rows`` are by the tables' real names.

    ``exact`` are the fingerprints of the run that took it, which nothing but that run compares.
    """

    path: Path
    manifest: Manifest
    seconds: float = 0.0
    exact: dict[str, Fingerprint] = field(default_factory=dict, compare=False)

    @property
    def fingerprints(self) -> dict[str, Fingerprint]:
        return {table.table: table.fingerprint for table in self.manifest.tables}

    @property
    def rows(self) -> dict[str, int]:
        return {table.table: table.rows for table in self.manifest.tables}


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest in ``folder``. Raises OSError or, saying why, ValueError."""
    try:
        return parse((folder / FILE_NAME).read_bytes())
    except ValueError as error:
        raise ValueError(f"{FILE_NAME} cannot be used: {error}") from error


Progress = Callable[[str, int, int], None]
"""Hears of what it is about, how many rows are done, and of how many."""


def unheard(text: str, rows: int, total: int) -> None:
    """Let nobody hear of the progress."""


def verify_files(folder: Path, manifest: Manifest, progress: Progress = unheard) -> None:
    """Read every file from the disk and compare. Raises OSError or, naming the file, ValueError."""
    if read_manifest(folder) != manifest:
        raise ValueError(f"{FILE_NAME} does not read back as it was written")
    for table in manifest.tables:
        if table.file != Path(table.file).name:
            raise ValueError(f"{FILE_NAME} names {table.file}, which is not a file of this folder")
        found = read_back(folder / table.file, _reading(table, progress))
        if found != Written(table.size, table.sha256, table.content_sha256, table.rows):
            raise ValueError(
                f"{table.file} is not as it was written: its checksum is {found.sha256}, and the "
                f"manifest says {table.sha256}"
            )


def _reading(table: TableBackup, progress: Progress) -> Callable[[int], None]:
    return lambda lines: progress(f"{table.table}, read back", lines, table.rows)
