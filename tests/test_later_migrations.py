"""The other application's own migrations, after the restructuring: what they propose and meet."""

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, create_engine

from tests.support.database.databases import Database
from tests.support.project import PROJECT
from tests.support.runs.command import (
    assert_migrates,
    assert_refused,
    assert_succeeds,
    run_into,
)

pytestmark = pytest.mark.slow

DIALECT = "postgresql+psycopg2://"
README = PROJECT / "contacts/README.md"
DROP = (
    "ALTER TABLE orders DROP COLUMN customer_name, DROP COLUMN customer_email, "
    "DROP COLUMN customer_phone"
)
GONE = "Another program has dropped customer_name, customer_email, customer_phone of orders"


OWN_TABLES = ("auth_", "django_", "contacts_restructuringrun", "settling_")


def documented() -> dict[str, Any]:
    """Return what the example of the documentation defines."""
    _, found, rest = README.read_text(encoding="utf-8").partition(
        "<!-- include-object -->\n```python\n"
    )
    assert found
    names: dict[str, Any] = {}
    exec(rest.partition("```")[0], names)  # noqa: S102  # the documentation's own example
    return names


def models_of(database: Database, example: dict[str, Any]) -> MetaData:
    """Return models of the tables that know nothing of what the restructuring has for itself."""
    models, engine = MetaData(), create_engine(DIALECT, creator=database.connect)
    models.reflect(engine)
    engine.dispose()
    for table in list(models.tables.values()):
        for key in table.foreign_key_constraints:
            key.use_alter = key.name == "fk_companies_default_address"
        if table.name.startswith(OWN_TABLES):
            models.remove(table)
        table.indexes -= {item for item in table.indexes if item.name in example["UNKNOWN_INDEXES"]}
        for column in list(table.columns):
            if (table.name, column.name) in example["UNKNOWN_COLUMNS"]:
                table._columns.remove(column)
    return models


def proposed(database: Database, models: MetaData, **options: Any) -> list[Any]:
    """Return what Alembic would change in the database to make it what the ``models`` say."""
    engine = create_engine(DIALECT, creator=database.connect)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            return list(compare_metadata(context, models))
    finally:
        engine.dispose()


def test_alembic_leaves_alone_what_the_documentation_tells_it_to(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    example = documented()
    models, include = models_of(sample, example), example["include_object"]

    would_drop = {entry[0] for entry in proposed(sample, models)}
    assert {"remove_table", "remove_column", "remove_index"} <= would_drop
    assert proposed(sample, models, include_object=include) == []


def test_alembic_still_sees_what_is_none_of_the_restructurings(
    sample: Database, tmp_path: Path
) -> None:
    assert_migrates(tmp_path)
    example = documented()
    models = models_of(sample, example)
    sample.execute("CREATE TABLE of_nobody (id integer); ALTER TABLE companies ADD motto text")

    found = proposed(sample, models, include_object=example["include_object"])

    assert {entry[0] for entry in found} == {"remove_table", "remove_column"}


def test_ways_back_refuse_without_the_snapshot_until_it_is_there_again(
    sample: Database, tmp_path: Path
) -> None:
    assert_succeeds(tmp_path)
    (backup,) = tmp_path.glob("migration_2*[0-9]")
    sample.execute(DROP)
    before = sample.dump()
    assert_succeeds(tmp_path, "--verify-only")

    for mode in (("--rollback",), ("--restore", str(backup))):
        refused = run_into(tmp_path, *mode)
        assert_refused(sample, refused, before, GONE, "ALTER TABLE orders ADD customer_name")
        assert "could not run" not in refused.out

    sample.execute(
        "ALTER TABLE orders ADD customer_name varchar, ADD customer_email varchar, "
        "ADD customer_phone varchar; UPDATE orders SET customer_name = 'walk-in' "
        "WHERE contact_id IS NULL"
    )
    assert_succeeds(tmp_path, "--rollback")
    assert sample.value("SELECT count(*) FROM orders WHERE customer_name IS NULL") == 0


@pytest.mark.parametrize(
    "name",
    [
        "validate_order_relationships",
        "auto_set_first_address_default",
        "prevent_default_address_deletion",
    ],
)
def test_functions_of_theirs_do_not_reach_ours(
    migrated: Database, tmp_path: Path, name: str
) -> None:
    migrated.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NEW; END'"
    )

    assert_succeeds(tmp_path, "--verify-only")
