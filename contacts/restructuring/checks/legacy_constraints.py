"""Whether today's rows keep the keys and NOT NULLs that come back with the legacy schema.

Where the migrated tables hold the same rule, no row can break it. Where somebody has dropped it
since the migration, the rows are asked, in their legacy meaning.
"""

import re
from collections.abc import Iterator

from psycopg2 import sql

from contacts.restructuring.checks.base import Check, Finding, Severity, rows, together, verbatim
from contacts.restructuring.database.inspector import Scene
from contacts.restructuring.proof.legacy_meaning import meaning_sources
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


def legacy_rules(scene: Scene) -> Finding:
    """Find rows that break a rule of the legacy tables which the migrated ones do not hold."""
    return together(
        rows(scene, query, sentence)
        for table in TABLES
        for query, sentence in (*_missing_keys(scene, table), *_missing_not_nulls(scene, table))
    )


def _missing_keys(scene: Scene, table: str) -> Iterator[tuple[str, str]]:
    present = present_objects(scene.cursor, table)
    for want in wanted_objects(scene.cursor, table):
        if want.rule in ONE_EMAIL_PER_TENANT or any(_holds(item, want) for item in present):
            continue
        reference, key = FOREIGN_KEY.match(want.definition), KEY.fullmatch(want.rule)
        if reference and "NOT VALID" not in want.definition:
            yield _without_target(scene, table, want, reference)
        elif key:
            yield _shared(scene, table, want, key)


def _holds(item: TableObject, want: TableObject) -> bool:
    """A foreign key holds whatever its ON DELETE; one that is NOT VALID does not."""
    wanted, held = FOREIGN_KEY.match(want.definition), FOREIGN_KEY.match(item.definition)
    if wanted and held:
        return wanted.groups() == held.groups() and "NOT VALID" not in item.definition
    return item.twin_of(want) or (item.rule == want.rule and "UNIQUE" in want.rule)


def _without_target(
    scene: Scene, table: str, want: TableObject, reference: re.Match[str]
) -> tuple[str, str]:
    of, target, to = reference.groups()
    pairs = list(zip(of.split(", "), to.split(", "), strict=True))
    filled = " AND ".join(f"referring.{column} IS NOT NULL" for column, _ in pairs)
    same = " AND ".join(f"target.{key} = referring.{column}" for column, key in pairs)
    query = (
        f"{_legacy_rows(scene)} SELECT id FROM {table} AS referring WHERE {filled} "
        f"AND NOT EXISTS (SELECT 1 FROM {target} AS target WHERE {same})"
    )
    return query, f"Row {{id}} of {table} breaks {verbatim(want.name)}: no such row in {target}"


def _shared(scene: Scene, table: str, want: TableObject, key: re.Match[str]) -> tuple[str, str]:
    query = (
        f"{_legacy_rows(scene)} SELECT min(id) AS id, count(*) AS rows FROM {table} "
        f"WHERE ({key[1]}) IS NOT NULL GROUP BY {key[1]} HAVING count(*) > 1"
    )
    return (
        query,
        f"{{rows}} rows of {table}, of which {{id}}, share the {key[1]} of {verbatim(want.name)}",
    )


def _missing_not_nulls(scene: Scene, table: str) -> Iterator[tuple[str, str]]:
    columns = scene.layout.tables[now_called(table)].columns
    nullable = {column.name for column in columns if not column.not_null}
    for column, wanted in remembered(scene.cursor, table)["not_null"].items():
        if wanted and column in nullable and (table, column) not in ASKED_ELSEWHERE:
            name = sql.Identifier(column).as_string(scene.cursor.connection)
            query = f"{_legacy_rows(scene)} SELECT id FROM {table} WHERE {name} IS NULL"
            yield query, f"Row {{id}} of {table} has no {verbatim(column)}"


def _legacy_rows(scene: Scene) -> str:
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
        for source in meaning_sources(scene.layout, ())
    ]
    clause = sql.SQL("WITH {}").format(sql.SQL(", ").join(tables))
    return str(clause.as_string(scene.cursor.connection))


CHECK = Check(
    "legacy_rules",
    "Rows keep the rules that come back",
    Severity.ERROR,
    legacy_rules,
    "Put these rows right: the legacy schema has the key that they break.",
)
