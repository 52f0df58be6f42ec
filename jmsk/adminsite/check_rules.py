"""The check rules of the models, as the database has them: in force, or waiting for rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.models import BooleanField, Case, CheckConstraint, Q, Value, When
from django.http import HttpRequest

PRESENT = """
    SELECT conname, convalidated FROM pg_constraint
     WHERE contype = 'c' AND conrelid = ANY(SELECT to_regclass(name) FROM unnest(%s) AS name)
"""
LABELS = {"email": "e-mail", "phone": "phone", "fax": "fax", "zip_code": "zip code"}


@dataclass(frozen=True)
class Rule:
    """A check rule of a model: in force in the database, or waiting for rows to be put right.

    ``enforced``: the database refuses every update of a row that breaks it. ``proved``: moreover
    no row does.
    """

    model: type[models.Model]
    constraint: CheckConstraint
    enforced: bool
    proved: bool

    @property
    def name(self) -> str:
        return self.constraint.name

    @cached_property
    def field(self) -> str:
        """The one field that the rule is about."""
        condition: Any = self.constraint.condition
        return str(next(iter(condition.referenced_base_fields)))

    @property
    def label(self) -> str:
        return LABELS[self.field]

    @property
    def text(self) -> str:
        """The rule as a sentence."""
        return str(self.constraint.violation_error_message)

    @cached_property
    def broken(self) -> Q:
        """The condition of the rows that break it. NULL passes, as in SQL."""
        return Q(**{f"{self.field}__isnull": False}) & ~Q(self.constraint.condition)

    @property
    def annotation(self) -> Case:
        """True where a row breaks the rule."""
        return Case(
            When(self.broken, then=Value(True)),  # noqa: FBT003  # a value of the query
            default=Value(False),  # noqa: FBT003
            output_field=BooleanField(),
        )


def read_rules() -> list[Rule]:
    """Return the check rules of all models, as the database has them."""
    declared = [
        (model, constraint)
        for model in apps.get_models()
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint)
    ]
    with connection.cursor() as cursor:
        cursor.execute(PRESENT, [sorted({model._meta.db_table for model, _ in declared})])
        validated = dict(cursor.fetchall())
    return [
        Rule(model, constraint, constraint.name in validated, validated.get(constraint.name, False))
        for model, constraint in declared
    ]


def rules_for(request: HttpRequest, model: type[models.Model]) -> list[Rule]:
    """Return the rules that rows of ``model`` may break, read once for each request."""
    if not hasattr(request, "_rules"):
        request._rules = read_rules()  # type: ignore[attr-defined]
    rules: list[Rule] = request._rules  # type: ignore[attr-defined]
    return [rule for rule in rules if rule.model is model and not rule.proved]
