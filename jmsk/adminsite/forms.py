"""A form that holds people to the rules for what they change, and for nothing else."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import UniqueConstraint


class ChangedValuesForm(forms.ModelForm):
    """The rules bind the values that were changed here.

    A legacy row may break a rule that is pending. A person who corrects its name must not be made
    to invent a phone number. Where the rule is in force, the database has the last word anyway.

    ``left_to_database`` names fields whose constraints a trigger makes come true.
    """

    left_to_database: frozenset[str] = frozenset()

    @property
    def unchanged(self) -> set[str]:
        """The fields of an existing row that nobody touched."""
        if self.instance.pk is None:
            return set()
        return set(self.fields) - set(self.changed_data)

    def _get_validation_exclusions(self) -> set[str]:
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return exclusions | self.unchanged | self.left_to_database

    def validate_unique(self) -> None:
        """Validate also what is unique within fields that the form does not hold or change.

        Django passes over such constraints; within a tenant or a company they are the rule.
        """
        super().validate_unique()
        excluded = self._get_validation_exclusions()
        for model, constraints in self.instance.get_constraints():
            for constraint in constraints:
                if not isinstance(constraint, UniqueConstraint):
                    continue
                fields = set(constraint.fields)
                passed_over = {*self.left_to_database, *self.errors}
                if not fields & excluded or not fields & set(self.changed_data):
                    continue
                try:
                    constraint.validate(model, self.instance, passed_over)
                except ValidationError as error:
                    self.add_error(None, error)
