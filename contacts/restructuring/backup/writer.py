"""Back up the tables as dumpdata fixtures, in one snapshot, lossless."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
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
    TableBackup,
    render,
    verify_files,
)
from contacts.restructuring.backup.row_json import COPY_OPTIONS, line_query
from contacts.restructuring.backup.sequences import read_collations, read_sequences
from contacts.restructuring.database.identity import describe_database
from contacts.restructuring.database.layout import (
    LEGACY_NAMES,
    MIGRATED_NAMES,
    Layout,
    Stage,
    Table,
)
from contacts.restructuring.database.patience import EVERYDAY_PATIENCE, Patience
from contacts.restructuring.database.reading import reading_transaction
from contacts.restructuring.database.settings import (
    SNAPSHOT,
    apply_reading_settings,
    pin_settings,
    use_schema,
)
from contacts.restructuring.proof.fingerprint import Fingerprint, take_fingerprints
from contacts.restructuring.proof.legacy_meaning import plain_source
from contacts.restructuring.state.record import read_record
from jmsk.postgres.catalogue import read_objects
from jmsk.wording import counted

Progress = Callable[[str, int, int], None]


def write_backup(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    directory: Path,
    stamp: datetime,
    progress: Progress = lambda table, rows, total: None,
    *,
    patience: Patience = EVERYDAY_PATIENCE,
    wait: Callable[[str], None] = lambda told: None,
    in_transaction: bool = False,
) -> Backup:
    """Back up the tables of ``layout`` into a new folder of ``directory`` and return the backup.

    Parameters: ``stamp``, an aware time, names the folder; ``progress`` is called now and then with
    a table, its rows so far and all of its rows. With ``in_transaction`` the tables are read in the
    transaction that is open, and the caller holds them locked; otherwise in a read-only snapshot of
    its own, for which who keeps readers out is waited for with ``patience``; ``wait`` is told who.

    Raises CommandError if the backup could not be written whole; then no folder is left.
    """
    start = time.monotonic()
    folder = Path(directory)
    snapshot = partial(_snapshot, patience=patience, wait=wait)
    open_tables = _inside if in_transaction else snapshot
    with explained(folder), partial_folder(folder, stamp) as unfinished:
        with open_tables(connection, layout) as cursor, explained(folder, _bytes(cursor, layout)):
            manifest = _write(
                connection, cursor, layout, folder=unfinished, stamp=stamp, progress=progress
            )
        write_synced(unfinished / FILE_NAME, render(manifest))
        verify_files(unfinished, manifest)
        path = publish(unfinished, stamp)
    return Backup(path, manifest, time.monotonic() - start)


def backed_up(layout: Layout) -> list[Table]:
    """Return the tables that a backup holds: the four of a legacy database, the five of another."""
    names = LEGACY_NAMES if layout.stage == Stage.LEGACY else MIGRATED_NAMES
    return [layout.tables[name] for name in names if name in layout.tables]


@contextmanager
def _snapshot(
    connection: BaseDatabaseWrapper,
    layout: Layout,
    *,
    patience: Patience,
    wait: Callable[[str], None],
) -> Iterator[Any]:
    """A transaction that sees the tables as they are once it has them, and changes nothing."""
    with readable(), reading_transaction(connection, patience, wait, SNAPSHOT) as cursor:
        apply_reading_settings(cursor)
        with _settled(cursor, layout):
            yield cursor


@contextmanager
def _inside(connection: BaseDatabaseWrapper, layout: Layout) -> Iterator[Any]:
    """The transaction that is open."""
    with connection.cursor() as cursor, _settled(cursor, layout):
        yield cursor


@contextmanager
def _settled(cursor: Any, layout: Layout) -> Iterator[None]:
    """Pin what a row's text depends on, and let names be printed without their schema."""
    cursor.execute("SELECT current_setting('search_path')")
    path = cursor.fetchone()[0]
    pin_settings(cursor)
    use_schema(cursor, layout.schema)
    yield
    cursor.execute("SELECT set_config('search_path', %s, true)", [path])


def _write(
    connection: BaseDatabaseWrapper,
    cursor: Any,
    layout: Layout,
    *,
    folder: Path,
    stamp: datetime,
    progress: Progress,
) -> Manifest:
    tables = backed_up(layout)
    models = models_by_table(connection, layout)
    database = describe_database(connection)
    fingerprints = take_fingerprints(cursor, [plain_source(table) for table in tables])
    applied = MigrationRecorder(connection).applied_migrations()
    migrated = layout.stage is Stage.MIGRATED
    return Manifest(
        tool_version=database.tool_version,
        server_version=database.server_version,
        database=database.name,
        host=database.host,
        stage=layout.stage,
        schema=layout.schema,
        taken_at=stamp.astimezone(UTC).isoformat(),
        migrations=tuple(sorted(".".join(key) for key in applied)),
        enums=read_enums(cursor, tables),
        domains=read_domains(cursor, tables),
        others=read_others(cursor, tables),
        tables=tuple(
            _write_table(
                cursor,
                table,
                models[table.name],
                fingerprint=fingerprints[table.name],
                path=folder / f"{table.name}.jsonl.gz",
                progress=progress,
            )
            for table in tables
        ),
        created_companies=read_record(cursor).created_companies if migrated else (),
    )


def _bytes(cursor: Any, layout: Layout) -> int:
    cursor.execute(
        "SELECT sum(pg_table_size(oid))::bigint FROM pg_class WHERE oid = ANY(%s::oid[])",
        [[table.oid for table in backed_up(layout)]],
    )
    return int(cursor.fetchone()[0] or 0)


def _write_table(
    cursor: Any,
    table: Table,
    model: HistoricalModel,
    *,
    fingerprint: Fingerprint,
    path: Path,
    progress: Progress,
) -> TableBackup:
    writer = FixtureWriter(path, lambda rows: progress(table.name, rows, fingerprint.rows))
    written = _copy_out(cursor, line_query(table, model), writer)
    if written.lines != fingerprint.rows:
        raise CommandError(
            f"The backup of {table.name} has {counted(written.lines, 'line')}, but the table has "
            f"{counted(fingerprint.rows, 'row')}. Nothing was changed, and the backup was removed. "
            "Run again; if it stays so, the table may be damaged: check it with pg_amcheck."
        )
    columns = {column.name for column in table.stored_columns}
    return TableBackup(
        table=table.name,
        file=path.name,
        size=written.size,
        sha256=written.sha256,
        content_sha256=written.content_sha256,
        rows=written.lines,
        fingerprint=fingerprint,
        model=model.label,
        key=model.key,
        fields={name: field.name for name, field in model.fields.items() if name in columns},
        columns=table.columns,
        collations=read_collations(cursor, table),
        objects=tuple(read_objects(cursor, f'"{table.name}"')),
        sequences=read_sequences(cursor, table),
    )


def _copy_out(cursor: Any, query: sql.Composable, writer: FixtureWriter) -> Written:
    copy = sql.SQL("COPY ({}) TO STDOUT WITH ({})").format(query, sql.SQL(COPY_OPTIONS))
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
