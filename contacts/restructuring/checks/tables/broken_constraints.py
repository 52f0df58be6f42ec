"""Which constraints of their table the rows to come would break.

What is judged are the constraints that a change leaves: checks, also those that are NOT VALID,
which an UPDATE has to keep; NOT NULLs; unique indexes and exclusion constraints; foreign keys, both
ways; domains.
"""

from collections.abc import Iterator

from django.db import DataError, IntegrityError, InternalError, transaction

from contacts.restructuring.checks.base import Finding, problems, rows, verbatim
from contacts.restructuring.checks.tables.domains import refused_by_domains
from contacts.restructuring.checks.tables.future_rows import CHANGING, Future
from contacts.restructuring.database.inspector import Inspector
from jmsk.postgres.catalogue import column_names
from jmsk.postgres.references import foreign_keys_to
from jmsk.postgres.server_errors import server_words

TOUCHED = """
    ARRAY(SELECT a.attname::text FROM pg_depend d
            JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.refobjid, d.refobjsubid)
           WHERE d.classid = '{catalogue}'::regclass AND d.objid = {object}
             AND d.refclassid = 'pg_class'::regclass AND d.refobjid = %(table)s)
"""
"""The columns that an object is about, those of its expressions included."""

CONDITIONS = f"""
    SELECT 'Constraint ' || conname, pg_get_expr(conbin, conrelid),
           {TOUCHED.format(catalogue="pg_constraint", object="c.oid")}, convalidated
      FROM pg_constraint c
     WHERE conrelid = %(table)s AND contype = 'c' AND conname <> ALL(%(own)s)
       AND coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true'
    UNION ALL
    SELECT 'The generated column ' || attname,
           format('coalesce(%%I IS NULL, false) IS NOT NULL', attname),
           attname::text || {TOUCHED.format(catalogue="pg_attrdef", object="f.oid")}, false
      FROM pg_attribute JOIN pg_attrdef f ON (adrelid, adnum) = (attrelid, attnum)
     WHERE attrelid = %(table)s AND attgenerated <> ''
    UNION ALL
    SELECT 'The NOT NULL of column ' || attname, quote_ident(attname) || ' IS NOT NULL',
           attname::text || {TOUCHED.format(catalogue="pg_attrdef", object="f.oid")}, false
      FROM pg_attribute a
      LEFT JOIN pg_attrdef f ON (adrelid, adnum) = (attrelid, attnum) AND attgenerated <> ''
     WHERE attrelid = %(table)s AND attnum > 0 AND NOT attisdropped AND attnotnull
       AND attname <> ALL(%(nullable)s)
       AND (attgenerated <> '' OR attname = ANY(%(columns)s) OR EXISTS (
               SELECT 1 FROM pg_constraint c WHERE conrelid = attrelid AND conkey = ARRAY[attnum]
                  AND contype = 'n' AND NOT convalidated))
     ORDER BY 1
"""
"""What has to be true of each row that changes. On PostgreSQL 18 a NOT NULL may be NOT VALID.

That of a generated column always is, unless what generates it fails.
"""

INDEX = f"""
    pg_get_expr(i.indpred, i.indrelid),
    ARRAY(SELECT '(' || pg_get_indexdef(i.indexrelid, place, true) || ')'
            FROM generate_series(1, i.indnkeyatts) AS place),
    {TOUCHED.format(catalogue="pg_class", object="i.indexrelid")}
        || {column_names("i.indkey::int2[]", "i.indrelid")}
"""
"""The condition of an index, its keys, and the columns that it is about."""
UNIQUE_INDEXES = f"""
    SELECT c.relname, {INDEX},
           coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'true'
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = %(table)s AND i.indisunique AND c.relname <> ALL(%(own)s)
     ORDER BY 1
"""
EXCLUSIONS = f"""
    SELECT k.conname, {INDEX},
           ARRAY(SELECT format('OPERATOR(%%I.%%s)', n.nspname, o.oprname)
                   FROM unnest(k.conexclop) WITH ORDINALITY AS used (operator, place)
                   JOIN pg_operator o ON o.oid = used.operator
                   JOIN pg_namespace n ON n.oid = o.oprnamespace ORDER BY used.place)
      FROM pg_constraint k JOIN pg_index i ON i.indexrelid = k.conindid
     WHERE k.conrelid = %(table)s AND k.contype = 'x' AND k.conname <> ALL(%(own)s)
     ORDER BY 1
"""
FOREIGN_KEYS = f"""
    SELECT c.conname, {column_names("c.conkey", "c.conrelid")}, n.nspname, t.relname,
           {column_names("c.confkey", "c.confrelid")}, c.confmatchtype = 'f'
      FROM pg_constraint c
      JOIN pg_class t ON t.oid = c.confrelid
      JOIN pg_namespace n ON n.oid = t.relnamespace
     WHERE c.conrelid = %(table)s AND c.contype = 'f' AND c.conname <> ALL(%(own)s)
       AND coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true'
       AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid
                      AND a.attnum = ANY(c.conkey) AND a.attname = ANY(%(columns)s))
     ORDER BY 1
"""


Parameters = dict[str, object]


def broken_constraints(inspector: Inspector, future: Future) -> Iterator[Finding]:
    """Yield what each constraint of the table finds in the rows to come."""
    parameters = {
        "table": inspector.layout.tables[future.table].oid,
        "own": list(future.own),
        "columns": list(future.columns),
        "nullable": list(future.nullable),
    }
    for judge in (_conditions, _unique_indexes, _exclusions, _foreign_keys):
        yield from judge(inspector, future, parameters)
    yield from _referring(inspector, future)
    yield problems(refused_by_domains(inspector, future))


def _conditions(inspector: Inspector, future: Future, parameters: Parameters) -> Iterator[Finding]:
    for rule, condition, touched, validated in inspector.rows(CONDITIONS, parameters):
        settled = validated and future.unaffected(touched)
        if not (settled or future.unknowable(touched)):
            query = (
                f"SELECT {future.key} FROM {future.table} WHERE {CHANGING} AND NOT ({condition})"
            )
            yield _judged(inspector, future, rule, query)


def _unique_indexes(
    inspector: Inspector, future: Future, parameters: Parameters
) -> Iterator[Finding]:
    for name, predicate, keys, touched, nulls_count in inspector.rows(UNIQUE_INDEXES, parameters):
        if future.unaffected(touched) or future.unknowable(touched):
            continue
        wanted = [f"({predicate})"] if predicate else []
        if not nulls_count:
            wanted += [f"{key} IS NOT NULL" for key in keys]
        query = (
            f"SELECT min({future.key}) FILTER (WHERE {CHANGING}) AS {future.key} "
            f"FROM {future.table} WHERE {' AND '.join(wanted) or 'true'} "
            f"GROUP BY ROW({', '.join(keys)}) HAVING count(*) > 1 AND bool_or({CHANGING})"
        )
        yield _judged(inspector, future, f"Unique index {name}", query, " and others like it")


def _exclusions(inspector: Inspector, future: Future, parameters: Parameters) -> Iterator[Finding]:
    for name, predicate, keys, touched, operators in inspector.rows(EXCLUSIONS, parameters):
        if future.unaffected(touched) or future.unknowable(touched):
            continue
        named = ", ".join(f"{key} AS key_{place}" for place, key in enumerate(keys))
        conflict = " AND ".join(
            f"one.key_{place} {operator} other.key_{place}"
            for place, operator in enumerate(operators)
        )
        query = (
            f"SELECT DISTINCT one.{future.key} FROM (SELECT *, {named} FROM {future.table} "
            f"WHERE {predicate or 'true'}) AS one JOIN (SELECT *, {named} FROM {future.table} "
            f"WHERE {predicate or 'true'}) AS other ON {conflict} AND one.id <> other.id "
            f"WHERE one.{CHANGING}"
        )
        yield _judged(inspector, future, f"Constraint {name}", query, " and others like it")


def _foreign_keys(
    inspector: Inspector, future: Future, parameters: Parameters
) -> Iterator[Finding]:
    for name, of, schema, target, to, full in inspector.rows(FOREIGN_KEYS, parameters):
        if future.unknowable(of):
            continue
        columns = [inspector.text(("referring", column)) for column in of]
        pairs = zip(columns, to, strict=True)
        same = " AND ".join(
            f"{column} = {inspector.text(('target', key))}" for column, key in pairs
        )
        source = _source(inspector, schema, target)
        without = f"NOT EXISTS (SELECT 1 FROM {source} AS target WHERE {same})"
        nulls, whole = f"num_nulls({', '.join(columns)})", len(columns)
        broken = f"{nulls} = 0 AND {without}"
        if full:
            broken = f"({broken} OR {nulls} NOT IN (0, {whole}))"
        query = (
            f"SELECT referring.{future.key} FROM {future.table} AS referring "
            f"WHERE referring.{CHANGING} AND {broken}"
        )
        yield _judged(inspector, future, f"Constraint {name}", query)


def _source(inspector: Inspector, schema: str, table: str) -> str:
    """Return the name under which a table's rows to come are found, or those that it has."""
    ours = schema == inspector.layout.schema and table in inspector.layout.tables
    return inspector.text(table if ours else (schema, table))


def _referring(inspector: Inspector, future: Future) -> Iterator[Finding]:
    """Rows of other tables that refer to values which change: NO ACTION or CASCADE, both spoil."""
    present = future.present(inspector)
    for key in foreign_keys_to(inspector.cursor, inspector.oids([future.table])):
        names = [inspector.text(name) for name in key.target_columns]
        if set(key.target_columns).isdisjoint(future.columns):
            continue
        was = ", ".join(f"present.{name}" for name in names)
        will = ", ".join(f"future.{name}" for name in names)
        query = (
            f"SELECT DISTINCT present.{future.key} FROM {present} AS present "
            f"JOIN {future.table} AS future ON future.id = present.id AND future.{CHANGING} "
            f"AND ROW({will}) IS DISTINCT FROM ROW({was}) "
            f"JOIN {inspector.text(key.identifier)} AS referring "
            f"ON {inspector.text(key.matches('referring', 'present'))}"
        )
        told = f"Constraint {verbatim(key.name)} on {verbatim(key.table)} refers to {future.row}"
        yield rows(inspector, f"{future.clause} {query}", told)


def _judged(
    inspector: Inspector, future: Future, rule: str, query: str, others: str = ""
) -> Finding:
    """Return the rows that ``query`` finds; where it fails on them, so would the change."""
    told = f"{verbatim(rule)} will not hold for {future.row}{others}"
    try:
        with transaction.atomic(using=inspector.connection.alias):
            return rows(inspector, f"{future.clause} {query}", told)
    except (DataError, IntegrityError, InternalError) as error:
        return problems(
            [f"{rule} fails on the rows as they are going to be: {server_words(error)}"]
        )
