"""A form that holds people to the rules for what they change, and for nothing else."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model, UniqueConstraint

from jmsk.adminsite.lost_updates import (
    SEEN,
    Seen,
    SeenField,
    changed_meanwhile,
    conflict,
    is_touched,
    who_changed,
)


class ChangedValuesForm(forms.ModelForm):
    """The rules bind the values that were changed here.

    A legacy row may break a rule that is pending. A person who corrects its name must not be made
    to invent a phone number. Where the rule is in force, the database has the last word anyway.

    ``left_to_database`` names fields whose constraints a trigger makes come true.
    """

    left_to_database: frozenset[str] = frozenset()
    seen = SeenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial[SEEN] = Seen.now(self).text
        self.others_changes: list[str] = []

    def logged_row(self) -> Model:
        """Return the row in whose history a change of this one stands."""
        row: Model = self.instance
        return row

    def clean(self) -> dict[str, Any]:
        """Refuse what somebody else has changed too; leave alone what only others changed."""
        cleaned: dict[str, Any] = super().clean() or {}
        seen = Seen.read(cleaned.get(SEEN, "")) if self.instance.pk is not None else None
        others = changed_meanwhile(self, seen) if seen is not None else {}
        if seen is None or not others:
            return cleaned
        who = who_changed(self.logged_row(), seen.at)
        mine = {name for name, shown in others.items() if is_touched(self, name, shown)}
        for name in mine & set(self.changed_data):
            self.add_error(name, conflict(self, name, who))
        self.others_changes = [f"{self.fields[name].label} by {who}" for name in set(others) - mine]
        # What this person left as it was shown is not written over what it has become.
        self.__dict__["changed_data"] = [
            name for name in self.changed_data if name in mine or name not in others
        ]
        self._show_again(seen, {name: others[name] for name in set(others) - mine})
        return cleaned

    def _show_again(self, seen: Seen, left_alone: dict[str, Any]) -> None:
        """Let the form, if it is shown again, say what it shows now: sent again, it is meant so."""
        data: Any = self.data.copy()  # type: ignore[attr-defined]  # both kinds of it can
        shown = {**Seen.now(self).values, **left_alone}
        data[self.add_prefix(SEEN)] = Seen(shown, seen.at).text
        self.data = data

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
