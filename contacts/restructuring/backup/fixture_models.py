"""What the tables were called, and their columns, when their rows were written.

A fixture names models and fields. Those of today's code need not fit the database at hand, so they
are taken from the migrations' historical models.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from contacts.restructuring.database.layout import Layout, Stage
from contacts.restructuring.state.expected import APPS, LEGACY_STATE

KINDS = {
    "AutoField": "integer",
    "BooleanField": "boolean",
    "CharField": "text",
    "DateTimeField": "datetime",
    "FloatField": "float",
    "IntegerField": "integer",
    "TextField": "text",
}
"""What a field's JSON looks like, by the field's internal type. Any other is ``unknown``."""


class FieldName(NamedTuple):
    """A modelled column: the field's ``name`` in a fixture and its ``kind``, a value of KINDS."""

    name: str
    kind: str


class HistoricalModel(NamedTuple):
    """A model as a fixture knows it: ``label``, the key's column, the other fields by column."""

    label: str
    key: str
    fields: Mapping[str, FieldName]


def models_by_table(connection: BaseDatabaseWrapper, layout: Layout) -> dict[str, HistoricalModel]:
    """Return the model of each of the layout's tables, by table name.

    A migrated database is read by the newest migrations, any other by the legacy ones; a table that
    those do not know (a wreck's ``contacts``) by the newest again.
    """
    loader = MigrationLoader(connection, replace_migrations=True)
    newest = _models(loader, loader.graph.leaf_nodes())
    if layout.stage == Stage.MIGRATED:
        return {name: newest[name] for name in layout.tables}
    legacy = _models(loader, LEGACY_STATE)
    return {name: legacy.get(name) or newest[name] for name in layout.tables}


def _models(loader: MigrationLoader, nodes: Any) -> dict[str, HistoricalModel]:
    apps = loader.project_state(nodes).apps
    models = [model for app in APPS for model in apps.get_app_config(app).get_models()]
    return {model._meta.db_table: _describe(model) for model in models}


def _describe(model: Any) -> HistoricalModel:
    meta = model._meta
    fields = {
        item.column: FieldName(item.name, _kind(item))
        for item in meta.local_fields
        if not item.primary_key
    }
    return HistoricalModel(meta.label_lower, meta.pk.column, fields)


def _kind(item: Any) -> str:
    while item.remote_field:
        item = item.target_field
    return KINDS.get(item.get_internal_type(), "unknown")
