"""The SQL that makes a row into a line of a fixture.

The line is put together by ``concat``, which is three times as fast as the server's own functions
for whole objects: those look up the type of every value, row by row.

A value stands under ``fields`` as Django's serializer prints it, but that a timestamp keeps all its
digits. What Django cannot hold, or does not model, stands as PostgreSQL's text under ``extra``,
which restore reads first and Django ignores:

    column                                      under ``fields``         under ``extra``
    modelled, of the type that Django expects   the value                not there
    NaN, Infinity                               null                     the text
    -0                                          -0.0                     the text
    infinite, BC or after the year 9999         null                     the text
    modelled, of another type                   the nearest, else null   the text or null
    not modelled                                not there                the text or null
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2 import sql

from contacts.restructuring.backup.fixture_models import HistoricalModel
from contacts.restructuring.database.tables import Column, Table
from jmsk.postgres.queries import compose, listed

MOST_ARGUMENTS = 90
"""PostgreSQL allows a call 100 arguments."""

COPY_OPTIONS = "FORMAT csv, QUOTE e'\\x01', DELIMITER e'\\x02', ENCODING 'UTF8'"
"""For COPY. JSON holds no raw control character, so nothing in a line is ever quoted or escaped."""

TEXT = "coalesce(to_json({0}::text)::text, 'null')"
PLAIN = "coalesce({0}::text, 'null')"
# concat() calls the type's output function, which a cast to text need not; it makes '' of NULL.
# IS NULL would be true of a composite value whose fields are all NULL.
EXACT = "CASE WHEN {0} IS NOT DISTINCT FROM NULL THEN 'null' ELSE to_json(concat({0}))::text END"
NULL = "'null'"
WHERE_NEEDED = "CASE WHEN {} THEN {} END"

FINITE = "({0} > '-Infinity' AND {0} < 'Infinity')"
MINUS_ZERO = "({0} = 0 AND {0}::text = '-0')"
FLOAT = f"CASE WHEN {MINUS_ZERO} THEN '-0.0' WHEN {FINITE} THEN {{0}}::text ELSE 'null' END"
NUMERIC = "CASE WHEN abs({0}) < 1e300 THEN {0}::float8::text ELSE 'null' END"

IN_RANGE = "({0} >= '0001-01-01' AND {0} < '10000-01-01')"
ISO = """to_char({0}, '"\\""YYYY-MM-DD"T"HH24:MI:SS.US"Z\\""')"""
ISO_UTC = ISO.replace("{0}", "{0} AT TIME ZONE 'UTC'")
DATETIME = f"CASE WHEN {IN_RANGE} THEN replace({ISO}, '.000000', '') ELSE 'null' END"
DATETIME_UTC = f"CASE WHEN {IN_RANGE} THEN replace({ISO_UTC}, '.000000', '') ELSE 'null' END"


@dataclass(frozen=True)
class Form:
    """How a column is printed under ``fields``, and when ``extra`` must hold it as well.

    Both are SQL; ``awkward`` is '' for never.
    """

    printed: str
    awkward: str = ""


ALWAYS = "true"
INTEGERS = ("smallint", "integer", "bigint")
FLOAT_FORM = Form(FLOAT, f"(NOT {FINITE} OR {MINUS_ZERO})")
FORMS = {
    **{(kind, type_): Form(PLAIN) for kind in ("integer", "float") for type_ in INTEGERS},
    ("boolean", "boolean"): Form(PLAIN),
    ("float", "real"): FLOAT_FORM,
    ("float", "double precision"): FLOAT_FORM,
    ("float", "numeric"): Form(NUMERIC, ALWAYS),
    ("datetime", "timestamp without time zone"): Form(DATETIME, f"NOT {IN_RANGE}"),
    ("datetime", "timestamp with time zone"): Form(DATETIME_UTC, f"NOT {IN_RANGE}"),
}
"""By the kind of the field and the type of the column. Of the rest, a text field holds any type's
text, and another field nothing."""


def line_query(table: Table, model: HistoricalModel) -> sql.Composed:
    """Return the SELECT whose rows are the lines of ``table``'s fixture, in no order.

    The settings of database.settings.TEXT must be in force. The cast to json makes the server
    check each line.
    """
    return compose("SELECT {}::json FROM {}", _concat(_pieces(table, model)), table.identifier)


def _pieces(table: Table, model: HistoricalModel) -> list[sql.Composable]:
    by_name = {column.name: column for column in table.stored_columns}
    key = by_name.get(model.key)
    modelled = [name for name in model.fields if name in by_name]
    pieces: list[sql.Composable] = [sql.Literal(f'{{"model": {json.dumps(model.label)}, "pk": ')]
    pieces.append(_fill(_form(key, "integer").printed, key) if key else sql.SQL(NULL))
    opening = ', "fields": {'
    for name in modelled:
        form = _form(by_name[name], model.fields[name].kind)
        pieces.append(sql.Literal(f"{opening}{json.dumps(model.fields[name].name)}: "))
        pieces.append(_fill(form.printed, by_name[name]))
        opening = ", "
    pieces.append(sql.Literal("}" if modelled else f"{opening}}}"))
    return [*pieces, *_extra(table.stored_columns, model), sql.Literal("}")]


def _extra(columns: Sequence[Column], model: HistoricalModel) -> list[sql.Composable]:
    """The ``extra`` object: always there if a column always needs it, else only in awkward rows."""
    conditions = {column: _awkward(column, model) for column in columns}
    entries: list[sql.Composable] = []
    for column, condition in conditions.items():
        entry = _concat([sql.Literal(f"{json.dumps(column.name)}: "), _fill(EXACT, column)])
        if condition == ALWAYS:
            entries.append(entry)
        elif condition:
            entries.append(compose(WHERE_NEEDED, _fill(condition, column), entry))
    if not entries:
        return []
    # concat_ws leaves out what is NULL: the entries that this row does not need.
    found = compose("concat_ws(', ', VARIADIC ARRAY[{}])", listed(entries))
    whole = _concat([sql.Literal(', "extra": {'), found, sql.Literal("}")])
    if ALWAYS in conditions.values():
        return [whole]
    needed = [_fill(condition, column) for column, condition in conditions.items() if condition]
    return [compose(WHERE_NEEDED, listed(needed, " OR "), whole)]


def _awkward(column: Column, model: HistoricalModel) -> str:
    if column.name == model.key:
        return _form(column, "integer").awkward
    field = model.fields.get(column.name)
    return _form(column, field.kind).awkward if field else ALWAYS


def _form(column: Column, kind: str) -> Form:
    if kind == "text":
        return Form(TEXT)
    return FORMS.get((kind, re.sub(r"\(.*?\)", "", column.type)), Form(NULL, ALWAYS))


def _fill(template: str, column: Column) -> sql.Composed:
    return compose(template, column.name)


def _concat(pieces: Sequence[sql.Composable]) -> sql.Composable:
    """Join SQL texts into one, of however many pieces."""
    if len(pieces) <= MOST_ARGUMENTS:
        return compose("concat({})", listed(pieces))
    halves = pieces[:MOST_ARGUMENTS], pieces[MOST_ARGUMENTS:]
    return compose("concat({}, {})", *map(_concat, halves))
