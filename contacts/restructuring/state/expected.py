"""What the migrations say the database should look like, for the checks to compare with."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader

from companies.trigger_sql import CreateTrigger
from jmsk.postgres.catalogue import TableObject, Type, model_objects

APPS = ("companies", "contacts", "orders")
"""Those whose migrations restructure."""
LEGACY_STATE = [(app, "0001_legacy") for app in APPS]
RUNS_MIGRATION = ("contacts", "0002_restructuringrun")
"""It makes the table of the runs, before anything is restructured."""
TARGET_STATE = [("orders", "0003_triggers")]
RENAMED = {"customers": "contacts"}
"""The legacy tables that bear another name afterwards."""
ONE_EMAIL_PER_TENANT = frozenset({"tenant_id", "email"})
"""The columns of the legacy key on e-mails."""


def unrelated_apps(graph: MigrationGraph) -> list[str]:
    """Return the apps none of whose migrations build on those that restructure: Django's own."""
    built_on = {
        leaf[0]
        for leaf in graph.leaf_nodes()
        if any(app in APPS for app, _ in graph.forwards_plan(leaf))
    }
    return sorted({app for app, _ in graph.leaf_nodes()} - built_on)


def models_at(nodes: list[tuple[str, str]]) -> dict[str, type[models.Model]]:
    """Return the models, by the name of their table, as they are after the migrations ``nodes``."""
    state = MigrationLoader(None).project_state(nodes)
    return {
        model._meta.db_table: model
        for label in APPS
        for model in state.apps.get_app_config(label).get_models()
        if model._meta.object_name != "RestructuringRun"
    }


@cache
def legacy_models() -> dict[str, type[models.Model]]:
    """Return the models of the legacy tables, by table."""
    return models_at(LEGACY_STATE)


@cache
def target_models() -> dict[str, type[models.Model]]:
    """Return the models of the restructured tables, by table."""
    return models_at(TARGET_STATE)


@cache
def triggers() -> dict[str, CreateTrigger]:
    """Return what the migrations make of triggers, each with its function, by name."""
    return {
        operation.name: operation
        for migration in MigrationLoader(None).graph.nodes.values()
        for operation in migration.operations
        if isinstance(operation, CreateTrigger)
    }


def column_type(field: Any, connection: BaseDatabaseWrapper) -> str:
    """Return the type of ``field``'s column, spelled as ``format_type`` spells it."""
    spelled = field.rel_db_type(connection) if field.is_relation else field.db_type(connection)
    return str(spelled).replace("varchar", "character varying")


def check_rules() -> Iterator[tuple[type[models.Model], models.CheckConstraint]]:
    """Yield each check rule of the restructured tables with its model."""
    for model in target_models().values():
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.CheckConstraint):
                yield model, constraint


def target_objects(table: str) -> list[TableObject]:
    """Return the keys and indexes that ``table`` has after the restructuring."""
    model = target_models()[table]
    objects = [item for item in model_objects(model) if item.kind != "sequence"]
    return objects + list(partial_unique_indexes(model))


def partial_unique_indexes(model: type[models.Model]) -> Iterator[TableObject]:
    """Yield the unique indexes of ``model`` that hold the rows alone which a flag marks."""
    for constraint in model._meta.constraints:
        if not isinstance(constraint, models.UniqueConstraint) or not constraint.condition:
            continue
        condition: Any = constraint.condition
        ((flag, _),) = condition.children
        fields: list[Any] = [model._meta.get_field(name) for name in constraint.fields]
        columns = tuple(field.column for field in fields)
        yield TableObject(
            "index",
            constraint.name,
            f"UNIQUE USING btree ({', '.join(columns)}) WHERE {flag}",
            type=Type.UNIQUE,
            columns=columns,
            predicate=flag,
        )


def email_keys(objects: Iterable[TableObject]) -> list[TableObject]:
    """Return those of ``objects`` that keep an e-mail unique in a tenant."""
    return [item for item in objects if item.unique_columns == ONE_EMAIL_PER_TENANT]


def target_names() -> list[str]:
    """Return the names of the restructuring's own indexes, constraints and triggers."""
    metas = [model._meta for model in target_models().values()]
    return [
        *triggers(),
        *(str(item.name) for meta in metas for item in (*meta.indexes, *meta.constraints)),
    ]
