"""Whether today's rows keep the keys and NOT NULLs that come back with the legacy schema.

Where the migrated tables hold the same rule, no row can break it. Where somebody has dropped it
since the migration, the rows are asked, in their legacy meaning.
"""

import re
from collections.abc import Iterator

from psycopg2 import sql

from contacts.restructuring.checks.base import Check, Finding, Severity, rows, together, verbatim
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import sources_before_rollback
from contacts.restructuring.state.expected import ONE_EMAIL_PER_TENANT
from contacts.restructuring.state.legacy_objects import (
    FOREIGN_KEY,
    TABLES,
    now_called,
    present_objects,
    remembered,
    wanted_objects,
)
from jmsk.postgres.catalogue import TableObject

KEY = re.compile(r"(?:UNIQUE|PRIMARY KEY)(?: USING btree)? \(([\w, ]+)\)")
ASKED_ELSEWHERE = {("customers", "email"), ("orders", "customer_id")}
"""Columns whose NOT NULL has a check of its own."""


def legacy_constraints(inspector: Inspector) -> Finding:
    """Find rows that break a rule of the legacy tables which the migrated ones do not hold."""
    return together(
        rows(inspector, query, sentence)
        for table in TABLES
        for query, sentence in (
            *_missing_keys(inspector, table),
            *_missing_not_nulls(inspector, table),
        )
    )


def _missing_keys(inspector: Inspector, table: str) -> Iterator[tuple[str, str]]:
    present = present_objects(inspector.cursor, table)
    for want in wanted_objects(inspector.cursor, table):
        if want.rule in ONE_EMAIL_PER_TENANT or any(_holds(item, want) for item in present):
            continue
        reference, key = FOREIGN_KEY.match(want.definition), KEY.fullmatch(want.rule)
        if reference and "NOT VALID" not in want.definition:
            yield _without_target(inspector, table, want, reference)
        elif key:
            yield _shared(inspector, table, want, key)


def _holds(item: TableObject, want: TableObject) -> bool:
    """A foreign key holds whatever its ON DELETE; one that is NOT VALID does not."""
    wanted, held = FOREIGN_KEY.match(want.definition), FOREIGN_KEY.match(item.definition)
    if wanted and held:
        return wanted.groups() == held.groups() and "NOT VALID" not in item.definition
    return item.twin_of(want) or (item.rule == want.rule and "UNIQUE" in want.rule)


def _without_target(
    inspector: Inspector, table: str, want: TableObject, reference: re.Match[str]
) -> tuple[str, str]:
    of, target, to = reference.groups()
    pairs = list(zip(of.split(", "), to.split(", "), strict=True))
    filled = " AND ".join(f"referring.{column} IS NOT NULL" for column, _ in pairs)
    same = " AND ".join(f"target.{key} = referring.{column}" for column, key in pairs)
    query = (
        f"{_legacy_rows(inspector)} SELECT id FROM {table} AS referring WHERE {filled} "
        f"AND NOT EXISTS (SELECT 1 FROM {target} AS target WHERE {same})"
    )
    return query, f"Row {{id}} of {table} breaks {verbatim(want.name)}: no such row in {target}"


def _shared(
    inspector: Inspector, table: str, want: TableObject, key: re.Match[str]
) -> tuple[str, str]:
    query = (
        f"{_legacy_rows(inspector)} SELECT min(id) AS id, count(*) AS rows FROM {table} "
        f"WHERE ({key[1]}) IS NOT NULL GROUP BY {key[1]} HAVING count(*) > 1"
    )
    return (
        query,
        f"{{rows}} rows of {table}, of which {{id}}, share the {key[1]} of {verbatim(want.name)}",
    )


def _missing_not_nulls(inspector: Inspector, table: str) -> Iterator[tuple[str, str]]:
    columns = inspector.layout.tables[now_called(table)].columns
    nullable = {column.name for column in columns if not column.not_null}
    for column, wanted in remembered(inspector.cursor, table)["not_null"].items():
        if wanted and column in nullable and (table, column) not in ASKED_ELSEWHERE:
            name = sql.Identifier(column).as_string(inspector.cursor.connection)
            query = f"{_legacy_rows(inspector)} SELECT id FROM {table} WHERE {name} IS NULL"
            yield query, f"Row {{id}} of {table} has no {verbatim(column)}"


def _legacy_rows(inspector: Inspector) -> str:
    """Return the WITH clause in which the legacy tables' names mean what they will hold."""
    tables = [
        sql.SQL("{} AS (SELECT {} FROM {})").format(
            sql.Identifier(source.table),
            sql.SQL(", ").join(
                sql.SQL("{} AS {}").format(expression, sql.Identifier(name))
                for name, expression in source.columns.items()
            ),
            sql.Identifier(source.schema, source.relation),
        )
        for source in sources_before_rollback(inspector.layout, ())
    ]
    clause = sql.SQL("WITH {}").format(sql.SQL(", ").join(tables))
    return str(clause.as_string(inspector.cursor.connection))


CHECK = Check(
    "legacy_constraints",
    "Rows keep the rules that come back",
    Severity.ERROR,
    legacy_constraints,
    "Put these rows right: the legacy schema has the key that they break.",
)
