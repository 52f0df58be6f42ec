"""A form that holds people to the rules for what they change, and for nothing else."""

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import CheckConstraint


class ChangedValuesForm(forms.ModelForm):
    """Check rules bind the values that were changed here.

    A legacy row may break a rule that is pending. A person who corrects its name must not be made
    to invent a phone number. Where the rule is in force, the database has the last word anyway.

    ``left_to_database`` names fields whose constraints a trigger makes come true.
    """

    left_to_database: frozenset[str] = frozenset()

    def validate_constraints(self) -> None:
        """Validate each constraint; the error of a check is shown at its field."""
        # Tenant and company are no fields of a form that changes a row, but what is unique within
        # them must be validated all the same.
        exclude = self._get_validation_exclusions() - {"tenant", "company"}  # type: ignore[attr-defined]
        exclude |= self.left_to_database | set(self.errors)
        unchanged = set(self.fields) - set(self.changed_data) if self.instance.pk else set()
        for model, constraints in self.instance.get_constraints():
            for constraint in constraints:
                fields: set[str] = set()
                if isinstance(constraint, CheckConstraint):
                    fields = constraint.condition.referenced_base_fields  # type: ignore[union-attr]
                    if fields <= unchanged:
                        continue
                try:
                    constraint.validate(model, self.instance, exclude=exclude)
                except ValidationError as error:
                    field = next(iter(fields & set(self.fields)), None)
                    self.add_error(field, error)
