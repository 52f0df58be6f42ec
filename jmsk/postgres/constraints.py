"""Constraints that Django does not make itself, or not in the form that the schema names."""

from typing import Any, Literal

from django.db import models
from django.db.backends.ddl_references import Statement, Table
from django.db.models.constraints import BaseConstraint

OnDelete = Literal["NO ACTION", "CASCADE", "SET NULL", "RESTRICT"]


class ForeignKeyConstraint(BaseConstraint):
    """A foreign key whose name and ON DELETE rule live in the database.

    Other programs write to these tables, so the rule cannot be left to Django. The model's field
    says ``db_constraint=False, db_index=False, on_delete=DO_NOTHING``. Never deferrable.

    Parameters: ``field``, the name of the model's ForeignKey; ``on_delete``, the SQL rule.
    """

    def __init__(
        self, *, name: str, field: str, on_delete: OnDelete = "NO ACTION", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.field = field
        self.on_delete: OnDelete = on_delete

    def deconstruct(self) -> Any:
        path, args, kwargs = super().deconstruct()
        kwargs["field"] = self.field
        if self.on_delete != "NO ACTION":
            kwargs["on_delete"] = self.on_delete
        return path, args, kwargs

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ForeignKeyConstraint):
            return NotImplemented
        return self.deconstruct() == other.deconstruct()

    __hash__ = None  # type: ignore[assignment]

    def definition(self, model: type[models.Model], schema_editor: Any) -> str:
        """The SQL behind ``CONSTRAINT name``."""
        field: Any = model._meta.get_field(self.field)
        quote = schema_editor.quote_name
        target = field.target_field
        rule = "" if self.on_delete == "NO ACTION" else f" ON DELETE {self.on_delete}"
        return (
            f"FOREIGN KEY ({quote(field.column)}) "
            f"REFERENCES {quote(target.model._meta.db_table)} ({quote(target.column)}){rule}"
        )

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        name = schema_editor.quote_name(self.name)
        return f"CONSTRAINT {name} {self.definition(model, schema_editor)}"

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        return Statement(
            "ALTER TABLE %(table)s ADD %(constraint)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            constraint=self.constraint_sql(model, schema_editor),
        )

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        """Somebody may have dropped it before: that must not stand in the way back."""
        template = schema_editor.sql_delete_constraint.replace(
            "DROP CONSTRAINT", "DROP CONSTRAINT IF EXISTS"
        )
        return schema_editor._delete_constraint_sql(template, model, self.name)

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "") -> None:
        """Nothing to do: the ForeignKey field itself validates that its row exists."""


class UniqueIndex(models.UniqueConstraint):
    """A unique index that is no constraint, as SQLAlchemy makes for ``unique=True, index=True``."""

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """CREATE TABLE has no clause for an index: it follows the table."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        statement: Any = super().create_sql(model, schema_editor)
        statement.template = schema_editor.sql_create_unique_index
        statement.parts.setdefault("include", "")
        statement.parts.setdefault("condition", "")
        return statement

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return schema_editor._delete_index_sql(model, self.name)
