"""Why a row needs a person's attention: said once, for lists, filters, counts and the dashboard."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection, models
from django.db.models import BooleanField, Case, CheckConstraint, F, Q, Value, When
from django.http import HttpRequest

from companies.models import Address, Company
from contacts.models import Contact

STILL_PLACED = Q(company_id=F("placed_in_company_id"))
PLACED_AND_SETTLED = Q(placed_in_company_id__isnull=False) & ~Q(
    company_id=F("placed_in_company_id")
)
NOT_PLACED = Q(placed_in_company_id__isnull=True)
SET_ASIDE = Q(email_set_aside__isnull=False)
WITHOUT_CONTACT = Q(contact__isnull=True)

PRESENT = """
    SELECT conname, convalidated FROM pg_constraint
     WHERE contype = 'c'
       AND conrelid IN (to_regclass('contacts'), to_regclass('companies'), to_regclass('addresses'))
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
    """Return the check rules of contacts, companies and addresses, as the database has them."""
    with connection.cursor() as cursor:
        cursor.execute(PRESENT)
        validated = dict(cursor.fetchall())
    return [
        Rule(model, constraint, constraint.name in validated, validated.get(constraint.name, False))
        for model in (Contact, Company, Address)
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint)
    ]


def rules_for(request: HttpRequest, model: type[models.Model]) -> list[Rule]:
    """Return the rules that rows of ``model`` may break, read once for each request."""
    if not hasattr(request, "_rules"):
        request._rules = read_rules()  # type: ignore[attr-defined]
    rules: list[Rule] = request._rules  # type: ignore[attr-defined]
    return [rule for rule in rules if rule.model is model and not rule.proved]
