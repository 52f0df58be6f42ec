"""Back up the tables as dumpdata fixtures, in one snapshot, lossless."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import DatabaseError
from psycopg2 import sql

from contacts.restructuring.backup.column_types import read_domains, read_enums, read_others
from contacts.restructuring.backup.errors import explained, readable
from contacts.restructuring.backup.fixture_file import FixtureWriter, Written
from contacts.restructuring.backup.fixture_models import HistoricalModel, models_by_table
from contacts.restructuring.backup.folder import partial_folder, publish, write_synced
from contacts.restructuring.backup.manifest import (
    FILE_NAME,
    Backup,
    Manifest,
    Progress,
    TableBackup,
    render,
    unheard,
    verify_files,
)
from contacts.restructuring.backup.row_json import COPY_OPTIONS, line_query
from contacts.restructuring.backup.sequences import read_collations, read_sequences
from contacts.restructuring.database.identity import describe_database
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES, MIGRATED_NAMES, Layout, Stage
from contacts.restructuring.database.tables import Table
from contacts.restructuring.failures import Failure
from contacts.restructuring.proof.exact_hash import take_exact_fingerprints
from contacts.restructuring.proof.fingerprint import Fingerprint, take_fingerprints
from contacts.restructuring.proof.legacy_meaning import Source, plain_source
from contacts.restructuring.state.record import MigrationRecord, read_record
from jmsk.postgres.catalogue import TableObject, Type, read_objects
from jmsk.postgres.django_schema import applied_migrations
from jmsk.postgres.prepared import prepared_indexes
from jmsk.postgres.queries import compose
from jmsk.wording import counted

Put = Callable[[Table, HistoricalModel, Fingerprint], Written]


def write_backup(
    snapshot: AbstractContextManager[Inspector],
    directory: Path,
    stamp: datetime,
    progress: Progress = unheard,
    taken: datetime | None = None,
) -> Backup:
    """Back up the tables that ``snapshot`` sees into a new folder of ``directory``.

    Parameters: ``snapshot`` opens the transaction in which they are read, or gives the one that is
    open; ``stamp``, an aware time, names the folder; ``progress`` is called now and then with a
    table, its rows so far and all of its rows; ``taken`` is when it is taken, if not at ``stamp``.
    Returns the backup.

    Raises Failure if the backup could not be written whole; then no folder is left.
    """
    start = time.monotonic()
    with explained(directory), partial_folder(directory, stamp) as unfinished:
        with readable(), snapshot as inspector, explained(directory, _bytes(inspector)):
            manifest = describe(
                inspector, taken or stamp, _to_files(inspector, unfinished, progress)
            )
            exact = take_exact_fingerprints(inspector.cursor, sources(inspector.layout))
        write_synced(unfinished / FILE_NAME, render(manifest))
        verify_files(unfinished, manifest, progress)
        path = publish(unfinished, stamp)
    return Backup(path, manifest, time.monotonic() - start, exact)


def backed_up(layout: Layout) -> list[Table]:
    """Return the tables that a backup holds: the four of a legacy database, the five of another."""
    names = LEGACY_NAMES if layout.stage == Stage.LEGACY else MIGRATED_NAMES
    return [layout.tables[name] for name in names if name in layout.tables]


def sources(layout: Layout) -> list[Source]:
    """Return what a backup takes the fingerprints of."""
    return [plain_source(table) for table in backed_up(layout)]


def describe(inspector: Inspector, taken: datetime, put: Put) -> Manifest:
    """Return what a backup of the tables that ``inspector`` sees, ``taken`` then, says of itself.

    ``put`` is called for each table with its fingerprint, and returns what its file holds.
    """
    connection, cursor, layout = inspector.connection, inspector.cursor, inspector.layout
    tables = backed_up(layout)
    oids = [table.oid for table in tables]
    models = models_by_table(connection, layout)
    database = describe_database(connection)
    fingerprints = take_fingerprints(cursor, sources(layout))
    applied = applied_migrations(connection)
    record = read_record(cursor) if layout.stage is Stage.MIGRATED else MigrationRecord()
    return Manifest(
        tool_version=database.tool_version,
        server_version=database.server_version,
        database=database.name,
        host=database.host,
        stage=layout.stage,
        schema=layout.schema,
        taken_at=taken.astimezone(UTC).isoformat(),
        migrations=tuple(sorted(".".join(key) for key in applied)),
        enums=read_enums(cursor, oids),
        domains=read_domains(cursor, oids),
        others=read_others(cursor, oids),
        tables=tuple(
            _describe_table(
                cursor,
                table,
                models[table.name],
                fingerprints[table.name],
                put(table, models[table.name], fingerprints[table.name]),
            )
            for table in tables
        ),
        created_companies=record.created_companies,
        created_rows={str(company): row for company, row in record.created.items()},
        encoding=str(inspector.value("SHOW server_encoding")),
    )


def _bytes(inspector: Inspector) -> int:
    size = "SELECT sum(pg_table_size(oid))::bigint FROM pg_class WHERE oid = ANY(%s::oid[])"
    return int(inspector.value(size, [[table.oid for table in backed_up(inspector.layout)]]) or 0)


def _to_files(inspector: Inspector, folder: Path, progress: Progress) -> Put:
    """Return what writes a table's rows into its file of ``folder``."""

    def put(table: Table, model: HistoricalModel, fingerprint: Fingerprint) -> Written:
        path = folder / file_name(table)
        writer = FixtureWriter(path, lambda rows: progress(table.name, rows, fingerprint.rows))
        written = _copy_out(inspector.cursor, line_query(table, model), writer)
        if written.rows != fingerprint.rows:
            raise Failure(
                "MC404",
                f"The backup of {table.name} has {counted(written.rows, 'line')}, but the table "
                f"has {counted(fingerprint.rows, 'row')}. Nothing was changed, and the backup was "
                "removed. Run again; if it stays so, the table may be damaged: check it with "
                "pg_amcheck.",
            )
        return written

    return put


def file_name(table: Table) -> str:
    """Return the name of the file that holds the rows of ``table``."""
    return f"{table.name}.jsonl.gz"


def _describe_table(
    cursor: Any, table: Table, model: HistoricalModel, fingerprint: Fingerprint, written: Written
) -> TableBackup:
    columns = {column.name for column in table.stored_columns}
    made = prepared_indexes(cursor)
    return TableBackup(
        table=table.name,
        file=file_name(table),
        **vars(written),
        fingerprint=fingerprint,
        model=model.label,
        key=model.key,
        fields={name: field.name for name, field in model.fields.items() if name in columns},
        columns=table.columns,
        collations=read_collations(cursor, table),
        objects=tuple(
            item
            for item in read_objects(cursor, f'"{table.name}"')
            if item.name not in made and not _is_of_other_columns(item, table)
        ),
        sequences=read_sequences(cursor, table),
    )


def _is_of_other_columns(item: TableObject, table: Table) -> bool:
    """Return whether a NOT NULL, which has a name from version 18 on, is of a prepared column."""
    return item.type is Type.NOT_NULL and not {*item.columns} <= {*table.column_names}


def _copy_out(cursor: Any, query: sql.Composable, writer: FixtureWriter) -> Written:
    copy = compose(f"COPY ({{}}) TO STDOUT WITH ({COPY_OPTIONS})", query)
    with writer:
        try:
            with cursor.db.wrap_database_errors:
                cursor.copy_expert(copy, writer)
        except DatabaseError:
            raise
        except BaseException:
            # The server is still sending: without this, the rollback would wait for the rest.
            cursor.connection.cancel()
            raise
    return writer.written
