"""Rules of others that do not let a contact have no company again, or its e-mail back.

A rollback takes the company from the contacts that the migration placed and gives back the e-mails
that were set aside. A rule made since may refuse that; a foreign key that passes the change on
would alter another program's rows. Where SQL can say so, a rule is judged by the rows as they are
going to be: one that they keep is no obstacle.
"""

from collections.abc import Iterator

from django.db import IntegrityError, transaction
from psycopg2 import sql

from contacts.meaning import STILL_PLACED
from contacts.restructuring.checks.base import Check, Finding, problems, rows, together, verbatim
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.proof.legacy_meaning import CUSTOMER_MEANING
from contacts.restructuring.state.legacy_objects import own_names, wanted_objects
from jmsk.postgres.references import foreign_keys_to

CHANGING = f"(email_set_aside IS NOT NULL OR {STILL_PLACED})"
CONDITIONS = """
    SELECT 'Constraint ' || conname, pg_get_expr(conbin, conrelid) FROM pg_constraint c
     WHERE conrelid = 'contacts'::regclass AND contype = 'c' AND conname <> ALL(%(own)s)
       AND coalesce(to_jsonb(c) ->> 'conenforced', 'true') = 'true'
    UNION ALL
    SELECT 'The NOT NULL of column ' || attname,
           '(' || pg_get_expr(adbin, adrelid) || ') IS NOT NULL'
      FROM pg_attribute JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum)
     WHERE attrelid = 'contacts'::regclass AND attgenerated <> '' AND attnotnull
     ORDER BY 1
"""
"""What has to be true of each contact that changes."""
UNIQUE_INDEXES = """
    SELECT c.relname, pg_get_expr(i.indpred, i.indrelid),
           ARRAY(SELECT '(' || pg_get_indexdef(c.oid, place, true) || ')'
                   FROM generate_series(1, i.indnkeyatts) AS place),
           coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') = 'true'
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'contacts'::regclass AND i.indisunique AND c.relname <> ALL(%(own)s)
     ORDER BY 1
"""
OBJECTS = """
    SELECT 'Constraint ' || conname, conname FROM pg_constraint
     WHERE conrelid = 'contacts'::regclass
       AND (contype = 'x' AND conindid IN (
                SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass
                   AND refobjid = 'contacts'::regclass AND refobjsubid = ANY(%(changing)s)
                UNION
                SELECT indexrelid FROM pg_index WHERE indkey::int2[] && %(changing)s::int2[])
            OR contype = 'f' AND confmatchtype = 'f' AND cardinality(conkey) > 1
               AND conkey && %(changing)s::int2[])
    UNION ALL
    SELECT 'The replica identity ' || c.relname, NULL
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'contacts'::regclass AND i.indisreplident
       AND i.indkey::int2[] && %(changing)s::int2[]
     ORDER BY 1
"""
"""What is refused by its name: SQL cannot say what it would make of the rows."""
COLUMN_NUMBERS = """
    SELECT array_agg(attnum) FROM pg_attribute
     WHERE attrelid = 'contacts'::regclass AND attname IN ('company_id', 'email')
"""
DOMAINS = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
     WHERE attrelid = 'contacts'::regclass AND attname = 'company_id' AND typtype = 'd'
"""


def added_constraints(inspector: Inspector) -> Finding:
    """Whether rules of others let the contacts become what they are going to be."""
    own = {"own": sorted(own_names())}
    changing = {"changing": inspector.value(COLUMN_NUMBERS)}
    return together(
        [
            *_broken_conditions(inspector, own),
            *_shared_values(inspector, own),
            *_references(inspector),
            problems([*_objects(inspector, changing), *_domains(inspector)]),
        ]
    )


def _future(inspector: Inspector) -> str:
    """Return the WITH clause in which ``contacts`` holds the rows as they are going to be."""
    stored: list[sql.Composable] = []
    generated: list[sql.Composable] = [sql.SQL("*")]
    for column in inspector.layout.tables["contacts"].columns:
        name = sql.Identifier(column.name)
        if column.generated:
            expression: sql.Composable = sql.SQL(str(column.default))
            generated.append(sql.SQL("({}) AS {}").format(expression, name))
        else:
            expression = CUSTOMER_MEANING.get(column.name, name)
            stored.append(sql.SQL("{} AS {}").format(expression, name))
    clause = sql.SQL(
        "WITH contacts AS (SELECT {} FROM (SELECT {}, {} AS jmsk_changing FROM contacts) contacts)"
    )
    parts = (sql.SQL(", ").join(generated), sql.SQL(", ").join(stored), sql.SQL(CHANGING))
    return inspector.text(clause.format(*parts))


def _broken_conditions(inspector: Inspector, own: dict[str, list[str]]) -> Iterator[Finding]:
    for rule, condition in inspector.rows(CONDITIONS, own):
        broken = f"SELECT id FROM contacts WHERE jmsk_changing AND NOT ({condition})"
        query = f"{_future(inspector)} {broken}"
        yield rows(inspector, query, f"{verbatim(rule)} will not hold for contact {{id}}")


def _shared_values(inspector: Inspector, own: dict[str, list[str]]) -> Iterator[Finding]:
    for name, predicate, keys, nulls_count in inspector.rows(UNIQUE_INDEXES, own):
        wanted = [f"({predicate})"] if predicate else []
        if not nulls_count:
            wanted += [f"{key} IS NOT NULL" for key in keys]
        query = (
            f"{_future(inspector)} SELECT min(id) AS id, count(*) AS contacts FROM contacts "
            f"WHERE {' AND '.join(wanted) or 'true'} GROUP BY ROW({', '.join(keys)}) "
            "HAVING count(*) > 1 AND bool_or(jmsk_changing)"
        )
        told = f"Unique index {verbatim(name)} will not hold for contact {{id}} and others like it"
        yield rows(inspector, query, told)


def _references(inspector: Inspector) -> Iterator[Finding]:
    """An e-mail only changes where there is none, to which nothing refers."""
    for key in foreign_keys_to(inspector.cursor, inspector.oids(["contacts"])):
        if "company_id" not in key.target_columns:
            continue
        query = sql.SQL(
            "SELECT DISTINCT present.id FROM {} AS referring "
            "JOIN (SELECT * FROM contacts WHERE {}) AS present ON {}"
        ).format(key.identifier, sql.SQL(STILL_PLACED), key.matches("referring", "present"))
        told = f"Constraint {verbatim(key.name)} on {verbatim(key.table)} refers to contact {{id}}"
        yield rows(inspector, inspector.text(query), told)


def _objects(inspector: Inspector, changing: dict[str, list[int]]) -> Iterator[str]:
    if not inspector.value(f"SELECT EXISTS (SELECT 1 FROM contacts WHERE {CHANGING})"):
        return
    legacy = {item.name for item in wanted_objects(inspector.cursor, "customers")}
    for what, name in inspector.rows(OBJECTS, changing):
        if name not in legacy:
            yield f"{what} on contacts names company_id or email, which are going to change"


def _domains(inspector: Inspector) -> Iterator[str]:
    for column, domain in inspector.rows(DOMAINS):
        try:
            with transaction.atomic(using=inspector.connection.alias):
                inspector.cursor.execute(f"SELECT CAST(NULL AS {domain})")
        except IntegrityError:
            yield f"contacts.{column} is of the domain {domain}, which does not take NULL"


CHECK = Check(
    "added_constraints",
    "Rules of others let contacts become customers again",
    added_constraints,
    "Drop these rules, or change them so that company_id may be NULL; or give the contacts that "
    "they name another company, which they then keep.",
)
