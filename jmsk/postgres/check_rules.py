"""The check rules that contacts, companies and addresses share.

A rule is an ordinary CheckConstraint, so forms validate it too. NULL passes, as in SQL.
"""

import re
from typing import Any, cast

from django.db.models import CheckConstraint, F, Model, Q
from django.db.models.functions import Collate, Length
from django.db.models.lookups import GreaterThanOrEqual, IRegex, Regex

from jmsk.postgres import queries

EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
"""Something, one @, something with a dot inside, no white space; matched by the server."""


def email_rule(name: str, column: str) -> CheckConstraint:
    """Return the rule that ``column`` is NULL or looks like an e-mail address."""
    return CheckConstraint(
        name=name,
        condition=Q(**{f"{column}__regex": EMAIL_PATTERN}),
        violation_error_message="Enter an e-mail address such as name@example.com.",
    )


def length_rule(name: str, column: str, least: int) -> CheckConstraint:
    """Return the rule that ``column`` is NULL or has at least ``least`` characters."""
    return CheckConstraint(
        name=name,
        condition=Q(GreaterThanOrEqual(Length(F(column)), least)),
        violation_error_message=f"The {column.replace('_', ' ')} needs {least} characters or more.",
    )


NONDETERMINISTIC = """
    SELECT a.attname::text FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation
     WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT c.collisdeterministic
"""
PATTERN_LOOKUPS = {"regex": Regex, "iregex": IRegex}


def rows_breaking(model: type[Model], rule: CheckConstraint, editor: Any) -> str:
    """Return the query that finds the rows of ``model`` that break ``rule``.

    It is written out in full, parameters included, so that it can be run as it stands.
    """
    table = editor.quote_name(model._meta.db_table)
    return f"SELECT * FROM {table} WHERE NOT ({_condition(model, rule, editor)})"


def column_of(rule: CheckConstraint) -> str:
    """Return the name of the one column that ``rule`` is about."""
    child: Any = cast(Q, rule.condition).children[0]
    if isinstance(child, tuple):
        return str(child[0]).partition("__")[0]
    columns: list[Any] = [part for part in child.flatten() if isinstance(part, F)]
    return str(columns[0].name)


def says(definition: str, model: type[Model], rule: CheckConstraint, editor: Any) -> bool:
    """Return whether ``definition``, as ``pg_get_constraintdef`` prints it, is that of ``rule``."""
    return _plainly(definition) == _plainly(f"CHECK ({_condition(model, rule, editor)})")


PRINTED_MORE = re.compile(r'[\s()"]|::text|::character varying')


def _plainly(condition: str) -> str:
    """Return a condition without what the server prints more or less of."""
    return PRINTED_MORE.sub("", condition).lower()


def _condition(model: type[Model], rule: CheckConstraint, editor: Any) -> str:
    # Django has no public way to the SQL of a condition alone.
    held = _as_held(model, rule, editor)
    return str(held._get_check_sql(model, editor))  # type: ignore[attr-defined]


def add_rule(
    model: type[Model], rule: CheckConstraint, editor: Any, *, validate: bool = True
) -> None:
    """Add ``rule`` to the table of ``model``, in the form that its columns take.

    Without ``validate`` it holds for what is written from now on, and no row is read.
    """
    held = _as_held(model, rule, editor)
    if validate:
        editor.add_constraint(model, held)
    else:
        editor.execute(f"{held.create_sql(model, editor)} NOT VALID", params=None)


def _as_held(model: type[Model], rule: CheckConstraint, editor: Any) -> CheckConstraint:
    """Return ``rule`` with byte-wise patterns for columns whose collation takes none.

    A regular expression cannot be matched where different texts may be equal.
    """
    with editor.connection.cursor() as cursor:
        table = editor.quote_name(model._meta.db_table)
        columns = {*queries.column(cursor, NONDETERMINISTIC, [table])}
    if not columns:
        return rule
    held, condition = rule.clone(), cast(Q, rule.condition)
    held.condition = Q(*(_bytewise(child, columns) for child in condition.children))
    return held


def _bytewise(child: Any, columns: set[str]) -> Any:
    if not isinstance(child, tuple):
        return child
    column, lookup = child[0].rsplit("__", 1)
    if column not in columns or lookup not in PATTERN_LOOKUPS:
        return child
    return PATTERN_LOOKUPS[lookup](Collate(F(column), "C"), child[1])
