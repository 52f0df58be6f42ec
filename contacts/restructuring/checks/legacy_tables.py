"""Checks of the legacy tables themselves: whether they have what the restructuring builds on."""

from collections.abc import Iterator
from typing import Any

from contacts.meaning import DEFAULT_COMPANY
from contacts.restructuring.checks import format_rules, target_names
from contacts.restructuring.checks.base import (
    Check,
    Finding,
    Severity,
    Tag,
    problems,
    rows,
    together,
)
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.database.layout import LEGACY_NAMES
from contacts.restructuring.state.expected import (
    ONE_EMAIL_PER_TENANT,
    RENAMED,
    column_type,
    legacy_models,
    target_models,
)
from contacts.restructuring.state.statistics import placements
from jmsk.postgres.catalogue import TableObject, Type, model_objects, read_objects
from jmsk.wording import counted

TEXT = {"character varying", "text"}
"""Types that hold the same values: a drift between them is harmless."""
LARGEST_ID = 2**31 - 1
LAST_COMPANY = """
    SELECT (SELECT max(id) FROM companies),
           (SELECT coalesce(last_value, start_value - 1) FROM pg_sequences
             WHERE format('%I.%I', schemaname, sequencename)
                 = pg_get_serial_sequence('companies', 'id'))
"""


def columns(inspector: Inspector) -> Finding:
    return problems(_column_problems(inspector))


def _column_problems(inspector: Inspector) -> Iterator[str]:
    for name, model in legacy_models().items():
        present = {column.name: column for column in inspector.layout.tables[name].columns}
        for field in model._meta.concrete_fields:
            expected = column_type(field, inspector.connection)
            if field.column not in present:
                yield f"{name} has no column {field.column} ({expected})"
                continue
            actual = present[field.column].type
            if actual != expected and not {actual.split("(")[0], expected} <= TEXT:
                yield f"{name}.{field.column} is {actual}, expected {expected}"


def fillable_companies(inspector: Inspector) -> Finding:
    """Whether a default company can be created with nothing but an id, a tenant and a name."""
    wanted = [placement for placement in placements(inspector) if not placement.exists]
    if not wanted:
        return Finding(note="none has to be created")
    found = [
        f"companies.{column.name} is NOT NULL and has no default"
        for column in inspector.layout.tables["companies"].columns
        if column.name not in ("id", "tenant_id", "name")
        and column.not_null
        and not (column.default or column.identity or column.generated)
    ]
    last = _last_company(inspector)
    if last + len(wanted) >= LARGEST_ID:
        found.append(
            f"{counted(len(wanted), 'id')} needed after {last}, and {LARGEST_ID} is the largest"
        )
    return problems(found)


def _last_company(inspector: Inspector) -> int:
    """Return the id behind which default companies are created: the highest, or the sequence's."""
    found = inspector.rows(LAST_COMPANY)[0]
    return max(0, *(int(last) for last in found if last is not None))


def ordinary_tables(inspector: Inspector) -> Finding:
    found = [
        f"{table.name} is no ordinary table (relkind {table.kind})"
        for table in inspector.layout.tables.values()
        if table.name in LEGACY_NAMES and table.kind != "r"
    ]
    found += relatives(inspector, inspector.oids(LEGACY_NAMES))
    found += _row_type_users(inspector)
    return problems(found)


def relatives(inspector: Inspector, oids: list[int]) -> list[str]:
    """Say which tables inherit from the tables ``oids``, or these from others."""
    found = inspector.rows(
        "SELECT inhparent::regclass, inhrelid::regclass FROM pg_inherits "
        "WHERE inhparent = ANY(%(tables)s::oid[]) OR inhrelid = ANY(%(tables)s::oid[])",
        {"tables": oids},
    )
    return [f"{child} inherits from {parent}" for parent, child in found]


def _row_type_users(inspector: Inspector) -> list[str]:
    users = inspector.rows(
        "SELECT a.attrelid::regclass, a.attname, c.relname FROM pg_attribute a "
        "JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class u ON u.oid = a.attrelid "
        "JOIN pg_class c ON c.reltype IN (t.oid, t.typelem) "
        "WHERE c.oid = %s AND u.relkind IN ('r', 'p', 'm') AND NOT a.attisdropped",
        [inspector.layout.tables["orders"].oid],
    )
    return [f"{table}.{column} is of the row type of {name}" for table, column, name in users]


def readable_rows(inspector: Inspector) -> Finding:
    hidden = inspector.rows(
        "SELECT relname FROM pg_class WHERE oid = ANY(%s::oid[]) AND row_security_active(oid)",
        [inspector.oids(inspector.layout.tables)],
    )
    return problems(f"Row-level security hides rows of {name} from this role" for (name,) in hidden)


def missing_constraints(inspector: Inspector) -> Finding:
    """Whether rows break a key, a NOT NULL or a foreign key that this database should have."""
    return together(
        rows(inspector, statement, sentence)
        for name, model in legacy_models().items()
        for statement, sentence in _missing_constraints(
            name, model, read_objects(inspector.cursor, name), inspector
        )
    )


def _missing_constraints(
    name: str, model: Any, present: list[TableObject], inspector: Inspector
) -> Iterator[tuple[str, str]]:
    """Yield, for each rule that the catalogue does not hold, the query for rows that break it.

    What the target does without, a column's NOT NULL, no row breaks.
    """
    nullable = {
        column.name for column in inspector.layout.tables[name].columns if not column.not_null
    }
    restructured = target_models()[RENAMED.get(name, name)]
    nullable -= {field.column for field in restructured._meta.concrete_fields if field.null}
    for field in model._meta.concrete_fields:
        if not field.null and field.column in nullable:
            yield (
                f"SELECT id FROM {name} WHERE {field.column} IS NULL",
                f"Row {{id}} of {name} has no {field.column}",
            )
    for item in model_objects(model):
        if name == "customers" and item.unique_columns == ONE_EMAIL_PER_TENANT:
            continue  # goes anyway; see duplicate_emails
        if any(other.holds(item) for other in present):
            continue
        if item.reference:
            (column,), target, (key,) = item.reference
            yield (
                f"SELECT id, {column} FROM {name} WHERE {column} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {target} WHERE {target}.{key} = {name}.{column})",
                f"Row {{id}} of {name} has {column} {{{column}}}, which is not in {target}",
            )
        elif item.type in (Type.UNIQUE, Type.PRIMARY_KEY):
            keys = ", ".join(item.columns)
            told = ", ".join(f"{key} {{{key}}}" for key in item.columns)
            yield (
                f"SELECT {keys}, count(*) AS rows FROM {name} "
                f"WHERE ({keys}) IS NOT NULL GROUP BY {keys} HAVING count(*) > 1",
                f"{{rows}} rows of {name} share {told}",
            )


def drift(inspector: Inspector) -> Finding:
    """Indexes and constraints that are missing or bear another name: told, and put right."""
    return problems(_drift(inspector))


def _drift(inspector: Inspector) -> Iterator[str]:
    for name, model in legacy_models().items():
        present = read_objects(inspector.cursor, name)
        for item in model_objects(model):
            twins = [other.name for other in present if other.twin_of(item)]
            if item.name in twins:
                continue
            if twins:
                yield f"{name}: {item.kind} {item.name} is called {', '.join(twins)}"
            else:
                yield f"{name}: {item.kind} {item.name} is missing: {item.definition}"


def extra_columns(inspector: Inspector) -> Finding:
    extra = [
        f"{name}.{column.name} ({column.type})"
        for name, model in legacy_models().items()
        for column in inspector.layout.tables[name].columns
        if column.name not in {field.column for field in model._meta.concrete_fields}
    ]
    if not extra:
        return Finding()
    return Finding(
        note=f"Columns that this project does not model stay as they are: {', '.join(extra)}"
    )


READABLE_ROWS = Check(
    "readable_rows",
    "Row-level security hides no rows",
    readable_rows,
    "Run as the tables' owner without FORCE ROW LEVEL SECURITY, or as a role with BYPASSRLS.",
)
CHECKS = (
    Check(
        "columns",
        "Columns as expected",
        columns,
        "Bring the table to the legacy schema, or point DATABASE_URL at the right database.",
        tags=frozenset({Tag.COUNTING}),
    ),
    Check(
        "extra_columns", "Columns that are not modelled", extra_columns, severity=Severity.WARNING
    ),
    Check(
        "ordinary_tables",
        "Ordinary tables",
        ordinary_tables,
        "Partitioned, foreign and inherited tables are outside what the restructuring can prove.",
    ),
    READABLE_ROWS,
    Check(
        "missing_constraints",
        "Rows keep the rules that the database lacks",
        missing_constraints,
        "Put these rows right: the restructured schema has the key that they break.",
    ),
    Check(
        "fillable_companies",
        "Default companies can be created",
        fillable_companies,
        "Give the column a default for the time of the migration, or create a company named "
        f"'{DEFAULT_COMPANY}' for each tenant concerned yourself: it is used.",
    ),
    target_names.CHECK,
    *format_rules.CHECKS,
    Check(
        "drift",
        "Indexes and constraints as expected",
        drift,
        "Nothing to do: what is missing is made, what bears another name is renamed, and a "
        "rollback brings back what was there.",
        Severity.WARNING,
    ),
)
