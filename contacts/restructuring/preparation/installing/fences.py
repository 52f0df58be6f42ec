"""What must not have happened since the journal began, or the journal cannot be believed."""

from typing import Any

from contacts.restructuring.database.layout import LEGACY_NAMES, PREPARED_COLUMNS, Layout
from contacts.restructuring.preparation.installing.journal_triggers import read_seals
from contacts.restructuring.preparation.state import State
from jmsk.postgres import prepared
from jmsk.postgres.queries import column, rows

SHAPES = """
    SELECT c.relname, a.attname,
           concat_ws(' ', a.attnum, a.atttypid, a.atttypmod, a.attcollation, a.attgenerated)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.oid = ANY(%s::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
     ORDER BY c.relname, a.attnum
"""
FILES = """
    SELECT c.oid::bigint, concat_ws(' ', pg_relation_filenode(c.oid),
                                    pg_relation_filenode(nullif(c.reltoastrelid, 0)))
      FROM pg_class c WHERE c.oid = ANY(%s::oid[])
"""
COUNTED = """
    SELECT c.oid::bigint, pg_stat_get_xact_tuples_inserted(c.oid),
           pg_stat_get_xact_tuples_updated(c.oid), pg_stat_get_xact_tuples_deleted(c.oid)
      FROM pg_class c WHERE c.oid = ANY(%s::oid[])
"""
TRUNCATED = f"SELECT DISTINCT table_name FROM {prepared.JOURNAL} WHERE operation = 'T'"
Counts = dict[str, tuple[int, int, int]]
"""By table: how many rows a transaction inserted, updated and deleted."""


def read_shapes(cursor: Any, layout: Layout) -> dict[str, dict[str, str]]:
    """Return, for each table, what its columns are like, but for those of the preparation."""
    shapes: dict[str, dict[str, str]] = {name: {} for name in LEGACY_NAMES}
    for table, name, shape in rows(cursor, SHAPES, [layout.oids()]):
        if name not in PREPARED_COLUMNS.get(table, ()):
            shapes[table][name] = shape
    return shapes


def read_files(cursor: Any, layout: Layout) -> dict[str, str]:
    """Return which files each table, and what is stored beside it, lies in."""
    names = _names_by_oid(layout)
    return {names[oid]: files for oid, files in rows(cursor, FILES, [list(names)])}


def _names_by_oid(layout: Layout) -> dict[int, str]:
    return dict(zip(layout.oids(), LEGACY_NAMES, strict=True))


def broken_fences(cursor: Any, layout: Layout, state: State) -> list[str]:
    """Say what happened since the journal began that makes it unfit to be counted on."""
    told = []
    seals = read_seals(cursor, layout)
    for name, seal in state.notes["seals"].items():
        if name not in seals:
            told.append(f"the journal trigger {name} is gone")
        elif seals[name] != seal:
            told.append(f"the journal trigger {name} was switched off, changed or made again")
    shapes = read_shapes(cursor, layout)
    for table, columns in state.notes["shapes"].items():
        odd = sorted({name for name, _ in columns.items() ^ shapes[table].items()})
        if odd:
            told.append(f"columns of {table} were added, dropped or changed: {', '.join(odd)}")
    return told + [f"{table} was truncated" for table in column(cursor, TRUNCATED)]


def count_touched(cursor: Any, layout: Layout) -> Counts:
    """Return how many rows of each table this session has touched and not yet reported.

    Earlier transactions of the session may be in it, so only the difference between two moments
    of one transaction means something. Needs ``track_counts``.
    """
    names = _names_by_oid(layout)
    return {names[oid]: tuple(counts) for oid, *counts in rows(cursor, COUNTED, [list(names)])}


def touched_since(before: Counts, after: Counts) -> Counts:
    """Return the difference of two counts of one transaction."""
    return {
        name: tuple(now - was for was, now in zip(before[name], after[name], strict=True))  # type: ignore[misc]
        for name in before
    }
