"""The check rules that contacts, companies and addresses share.

A rule is an ordinary CheckConstraint, so forms validate it too. NULL passes, as in SQL.
"""

from typing import Any

from django.db.models import CheckConstraint, F, Model, Q
from django.db.models.functions import Length
from django.db.models.lookups import GreaterThanOrEqual

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


def rows_breaking(model: type[Model], rule: CheckConstraint, editor: Any) -> str:
    """Return the query that finds the rows of ``model`` that break ``rule``.

    It is written out in full, parameters included, so that it can be run as it stands.
    """
    # Django has no public way to the SQL of a condition alone.
    condition = rule._get_check_sql(model, editor)  # type: ignore[attr-defined]
    table = editor.quote_name(model._meta.db_table)
    return f"SELECT * FROM {table} WHERE NOT ({condition})"
