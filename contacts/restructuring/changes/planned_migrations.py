"""Django's migrations, with all that can be done before the lock done before it.

Django works out the models' states between the operations while it applies or reverses them, and
applies its own apps' migrations among ours. Under a lock both are waiting time for everybody: here
the states are worked out, and Django's own apps migrated, before the tables are locked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from django.core.management.sql import emit_post_migrate_signal
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder

from contacts.restructuring.changes.django_migrate import make_django_schema
from contacts.restructuring.failures import UNCHANGED, Failure
from contacts.restructuring.journal import Journal
from contacts.restructuring.state.expected import (
    APPS,
    LEGACY_STATE,
    RUNS_MIGRATION,
    unrelated_apps,
)

Node = tuple[str, str]
"""A migration, as Django names it: its app and its name."""
Step = tuple[Operation, Any, Any]
"""An operation, with the states of the models before and after it."""
LEGACY_MIGRATION: Node = ("companies", "0001_legacy")
"""Reversing to it reverses everything that restructures, and nothing else."""


@dataclass(frozen=True)
class PlannedMigrations:
    """Migrations that are to be applied or reversed, in order, ready to touch the database."""

    connection: BaseDatabaseWrapper
    recorder: MigrationRecorder
    plan: tuple[tuple[Migration, tuple[Step, ...]], ...]

    def apply(self, journal: Journal) -> None:
        """Apply them all, in the transaction that is open."""
        for migration, steps in self.plan:
            with (
                journal.step(f"Applying {migration}"),
                self.connection.schema_editor(atomic=True) as editor,
            ):
                for operation, before, after in steps:
                    operation.database_forwards(migration.app_label, editor, before, after)
        records = self.recorder.migration_qs.model
        self.recorder.migration_qs.bulk_create(
            records(app=migration.app_label, name=migration.name) for migration, _ in self.plan
        )

    def reverse(self, journal: Journal) -> None:
        """Reverse them all, the last one first, in the transaction that is open."""
        for migration, steps in reversed(self.plan):
            with (
                journal.step(f"Reversing {migration}"),
                self.connection.schema_editor(atomic=True) as editor,
            ):
                for operation, before, after in reversed(steps):
                    operation.database_backwards(migration.app_label, editor, after, before)
            self.recorder.record_unapplied(migration.app_label, migration.name)


def plan_migrations(cursor: Any, journal: Journal) -> PlannedMigrations:
    """Migrate Django's own apps, and work out what the migrations that are left do to the models.

    Touches no table that is restructured.
    """
    connection = cursor.db
    with journal.step("django", "Bringing Django's own tables up to date"):
        _migrate_others(connection, cursor)
        # Content types and permissions need no table of the models that they are about.
        emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)
    with journal.step("plan", "Working out what the migrations do"):
        return _plan(connection)


def _migrate_others(connection: BaseDatabaseWrapper, cursor: Any) -> None:
    """Apply the migrations of Django's own apps, and those of ours that restructure nothing."""
    make_django_schema(cursor, partial(_migrate_app, connection))
    executor = MigrationExecutor(connection)
    graph = executor.loader.graph
    unrelated = unrelated_apps(graph)
    theirs = [node for node in graph.leaf_nodes() if node[0] in unrelated]
    # What is applied is no target: the executor would take back all that came after it.
    targets = [
        target
        for target in (*theirs, *LEGACY_STATE, RUNS_MIGRATION)
        if target not in executor.loader.applied_migrations
    ]
    executor.migrate(targets, fake_initial=True)


def _migrate_app(connection: BaseDatabaseWrapper, app: str) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate([node for node in executor.loader.graph.leaf_nodes() if node[0] == app])


def plan_reversal(cursor: Any, journal: Journal) -> PlannedMigrations:
    """Work out what the models are again when the migrations are reversed that restructure.

    Nothing is to be reversed where none of them is applied. Raises Failure where another app's
    migrations would have to be reversed, too.
    """
    with journal.step("plan", "Working out what the migrations do"):
        executor = MigrationExecutor(cursor.db)
        plan = executor.migration_plan([LEGACY_MIGRATION])
        migrations = [migration for migration, backwards in plan[::-1] if backwards]
        _require_own(migrations)
        return _planned(executor, migrations)


def _require_own(migrations: Sequence[Migration]) -> None:
    """Raise Failure, naming them, where others' migrations are among these, the first one first."""
    first: dict[str, Migration] = {}
    for migration in migrations:
        if migration.app_label not in APPS:
            first.setdefault(migration.app_label, migration)
    if not first:
        return
    before = (
        f"'manage.py migrate {app} {dict(migration.dependencies).get(app, 'zero')}'"
        for app, migration in first.items()
    )
    raise Failure(
        "MC207",
        f"The migrations from {', '.join(map(str, first.values()))} on build on the restructuring: "
        f"going back would drop what they made, and no backup holds that. {UNCHANGED} Reverse them "
        f"first, once their rows are kept or not needed: {', '.join(before)}.",
    )


def _plan(connection: BaseDatabaseWrapper) -> PlannedMigrations:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    executor.recorder.has_table()  # remembered, so that it is not asked again
    return _planned(executor, [migration for migration, _ in plan])


def _planned(executor: MigrationExecutor, migrations: Sequence[Migration]) -> PlannedMigrations:
    nodes = tuple((migration.app_label, migration.name) for migration in migrations)
    return PlannedMigrations(executor.connection, executor.recorder, _worked_out(nodes))


@cache  # a lock that cannot be had is tried for again, with all that comes before it
def _worked_out(nodes: tuple[Node, ...]) -> tuple[tuple[Migration, tuple[Step, ...]], ...]:
    """Return the migrations ``nodes`` with what each of their operations does to the models.

    Of the other migrations only those are looked at on which these depend.
    """
    loader = MigrationLoader(None)
    state, planned = _rendered(loader.project_state(nodes, at_end=False)), []
    for migration in (loader.graph.nodes[node] for node in nodes):
        steps: list[Step] = []
        for operation in migration.operations:
            after = _after(operation, migration.app_label, state)
            steps += _steps(operation, migration.app_label, state, after)
            state = after
        planned.append((migration, tuple(steps)))
    return tuple(planned)


def _steps(operation: Operation, app_label: str, before: Any, after: Any) -> Iterator[Step]:
    """Yield what ``operation`` does to the database.

    What stands inside a SeparateDatabaseAndState has states of its own, as Django has it.
    """
    if not isinstance(operation, SeparateDatabaseAndState):
        yield operation, before, after
        return
    for inner in operation.database_operations:
        reached = _after(inner, app_label, before)
        yield from _steps(inner, app_label, before, reached)
        before = reached


def _after(operation: Operation, app_label: str, before: Any) -> Any:
    """Return the state of the models after ``operation``: ``before`` itself where they stay so."""
    after = before.clone()
    del after.apps  # worked out once below, instead of anew at each turn of the operation
    operation.state_forwards(app_label, after)
    return before if _parts(after) == _parts(before) else _rendered(after)


def _parts(state: Any) -> dict[Any, tuple[Any, ...]]:
    """Return what the models consist of. Unlike Django's comparison it takes no field apart."""
    return {
        key: (model.fields, model.options, model.bases, model.managers)
        for key, model in state.models.items()
    }


def _rendered(state: Any) -> Any:
    """Return ``state`` with its models worked out in full: Django would else do some later."""
    state.clear_delayed_apps_cache()
    _ = state.apps
    state.is_delayed = False
    return state
