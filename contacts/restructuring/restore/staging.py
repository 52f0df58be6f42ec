"""A backup's rows as temporary tables, in their real types, until the transaction ends."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import DataError
from psycopg2 import sql

from contacts.restructuring.backup.column_types import ENUM_LABELS, without_labels
from contacts.restructuring.backup.manifest import Backup, Progress, TableBackup, unheard
from contacts.restructuring.backup.reader import verified_lines
from contacts.restructuring.backup.row_json import COPY_OPTIONS
from contacts.restructuring.database.settings import temporarily
from contacts.restructuring.failures import UNCHANGED, Failure
from jmsk.postgres.queries import compose, execute, is_there, listed, spelled, value

LINES = "jmsk_restored_lines_{}"
CREATE_LINES = "CREATE UNLOGGED TABLE {} (line text)"
"""Not a temporary one, which no parallel worker may read; it is dropped as soon as it was read. It
has a name of each session's own, for two may compare a backup at the same time."""
BY_SEVERAL_WORKERS = {"parallel_tuple_cost": "0"}
"""To turn a line into a row takes far longer than to hand the row over."""
CONVERT = """
    CREATE TEMP TABLE {rows} ON COMMIT DROP AS
    SELECT {values}
      FROM {lines}
     CROSS JOIN LATERAL json_to_record(line::json) AS r (pk text, fields json, extra json)
     CROSS JOIN LATERAL json_to_record(r.fields) AS f ({fields})
      LEFT JOIN LATERAL json_to_record(r.extra) AS e ({extra}) ON true
"""
READ_SIZE = 1 << 18


def restored(table: str) -> sql.Identifier:
    """Return the name of the temporary table with the backup's rows of ``table``."""
    return sql.Identifier("pg_temp", f"jmsk_restored_{table}")


WITHOUT_NESTED_LOOPS = {"enable_nestloop": "off"}
"""Statistics may say that a table is empty which is being filled, and a nested loop would then read
all of it again for each row. The restore's joins are of whole tables: none needs one."""


def load_rows(cursor: Any, backup: Backup, progress: Progress = unheard) -> None:
    """Load ``backup`` into temporary tables, one a table, unless this transaction has them.

    ``progress`` hears how many rows of a table are loaded.

    The settings of settings.TEXT must be in force, and the columns' types be there.
    """
    for table in backup.manifest.tables:
        name = f"pg_temp.jmsk_restored_{table.table}"
        if not is_there(cursor, name):
            _load(cursor, backup, table, progress)


def _load(cursor: Any, backup: Backup, table: TableBackup, progress: Progress) -> None:
    lines = sql.Identifier(LINES.format(cursor.connection.get_backend_pid()))
    execute(cursor, CREATE_LINES, lines)
    copy = compose(f"COPY {{}} FROM STDIN WITH ({COPY_OPTIONS})", lines)
    with verified_lines(backup, table, progress) as file, cursor.db.wrap_database_errors:
        cursor.copy_expert(copy, file, READ_SIZE)
    lacking = list(_missing_labels(cursor, backup))
    try:
        with temporarily(cursor, BY_SEVERAL_WORKERS):
            cursor.execute(_conversion(table, lines))
    except DataError as error:
        if not lacking:
            raise
        raise Failure(
            "MC702",
            f"Rows of {table.table} do not fit the types of this database, which are not those of "
            f"the backup: {'; '.join(lacking)}. {UNCHANGED} ALTER TYPE … ADD VALUE adds a label; "
            "then run again.",
        ) from error
    execute(cursor, "DROP TABLE {}; ANALYZE {}", lines, restored(table.table))


def _missing_labels(cursor: Any, backup: Backup) -> Iterator[str]:
    """Name the labels of ENUM types that the backup knows and the database does not."""
    for enum in backup.manifest.enums:
        moved = enum.schema == backup.manifest.schema
        name = enum.name if moved else (enum.schema, enum.name)
        labels = value(cursor, ENUM_LABELS, [spelled(cursor, name)])
        if missing := without_labels(enum, labels or enum.labels):
            yield f"the type {enum.name} lacks {missing}"


def _conversion(table: TableBackup, lines: sql.Identifier) -> sql.Composed:
    cast = "CAST({} AS {}) AS {}"
    values = (
        compose(cast, _text(table, column.name), sql.SQL(column.type), column.name)
        for column in table.columns
        if not column.generated
    )
    return compose(
        CONVERT,
        rows=restored(table.table),
        lines=lines,
        values=listed(values),
        fields=_texts(table.fields.values()),
        extra=_texts(table.stored_names),
    )


def _text(table: TableBackup, column: str) -> sql.Composable:
    """The value as text: ``extra`` comes first, then ``fields``."""
    extra = sql.Identifier("e", column)
    if column == table.key:
        return compose("coalesce({}, r.pk)", extra)
    if column in table.fields:
        return compose("coalesce({}, {})", extra, ("f", table.fields[column]))
    return extra


def _texts(names: Iterable[str]) -> sql.Composed:
    return listed(compose("{} text", name) for name in names)
