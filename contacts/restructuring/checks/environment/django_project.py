"""Whether Django's tables in the database are this project's, or those of another one.

The run would apply this project's migrations of Django's apps to the other one's tables.
"""

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.db.migrations.loader import MigrationLoader

from contacts.restructuring.checks.base import check
from contacts.restructuring.database.inspector import Inspector
from contacts.restructuring.state.expected import APPS, RUNS_MIGRATION
from jmsk.postgres.django_schema import applied_migrations, own_name

COLUMNS = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
"""


@check(
    "Django's tables are this project's",
    "Another Django project keeps its tables here. Set DJANGO_SCHEMA=jmsk: this project's get a "
    "schema of their own, and the other one's are not touched.",
)
def django_project(inspector: Inspector) -> Iterator[str]:
    applied = applied_migrations(inspector.connection)
    # Else an earlier run of this project has kept its record here.
    if RUNS_MIGRATION not in applied:
        yield from _foreign_records(applied)
        yield from _foreign_users(inspector, applied)


def _foreign_records(applied: set[tuple[str, str]]) -> Iterator[str]:
    known: dict[str, set[str]] = {}
    for app, name in MigrationLoader(None).disk_migrations:
        known.setdefault(app, set()).add(name)
    for app in sorted({app for app, _ in applied}):
        recorded = {name for of, name in applied if of == app}
        more, fewer = sorted(recorded - known.get(app, set())), known.get(app, set()) - recorded
        if app not in known:
            yield f"django_migrations records {app}.{max(recorded)}: this project has no such app"
        elif more:
            yield f"django_migrations records {app}.{more[-1]}, which this project does not have"
        elif fewer and app not in APPS:
            yield f"django_migrations records {app} without {app}.{min(fewer)}, as another Django"


def _foreign_users(inspector: Inspector, applied: set[tuple[str, str]]) -> Iterator[str]:
    if not any(app == "auth" for app, _ in applied):
        return  # then the name is free, or another check says by what it is taken
    table = User._meta.db_table
    found = set(inspector.column(COLUMNS, [own_name(table)]))
    wanted = {str(field.column) for field in User._meta.concrete_fields}
    for name in sorted(found ^ wanted):
        yield f"{table} has {'a' if name in found else 'no'} column {name}, so it is another one's"
