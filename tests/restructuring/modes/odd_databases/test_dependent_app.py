"""An app of the project that is none of ours, and whose tables refer to contacts."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.runs.command import Result, run_child
from tests.support.runs.screen import into_a_log

pytestmark = pytest.mark.slow

SETTINGS = """
from jmsk.settings import *
INSTALLED_APPS = [*INSTALLED_APPS, "shipping"]
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("contacts", "0004_triggers")]
    operations = [
        migrations.CreateModel(
            "Parcel",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("contact", models.ForeignKey("contacts.Contact", models.PROTECT)),
            ],
        )
    ]
"""
PARCEL = "INSERT INTO shipping_parcel (contact_id) SELECT min(id) FROM contacts"


@pytest.fixture
def shipping(sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A legacy database, and a project with such an app."""
    migrations = tmp_path / "shipping" / "migrations"
    migrations.mkdir(parents=True)
    for folder in (migrations.parent, migrations):
        (folder / "__init__.py").touch()
    (migrations / "0001_initial.py").write_text(MIGRATION)
    (tmp_path / "shipping_settings.py").write_text(SETTINGS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "shipping_settings")
    return sample


def do(database: Database, folder: Path, *arguments: str) -> Result:
    return run_child(database, *arguments, "--noinput", "--backup-dir", str(folder))


@pytest.mark.parametrize("road", ["offline", "online"])
def test_its_migrations_come_with_ours_on_both_roads(
    shipping: Database, tmp_path: Path, road: str
) -> None:
    if road == "online":
        assert do(shipping, tmp_path, "--prepare").code == 0
    done = do(shipping, tmp_path)
    assert done.code == 0, done.output
    assert "Applying shipping.0001_initial" in done.output
    shipping.execute(PARCEL)


def test_a_way_back_that_would_drop_its_tables_is_refused_and_says_what_to_do(
    shipping: Database, tmp_path: Path
) -> None:
    assert do(shipping, tmp_path).code == 0
    (backup,) = tmp_path.glob("migration_*[0-9]")
    shipping.execute(PARCEL)
    before = shipping.dump()
    for mode in (("--rollback",), ("--restore", str(backup))):
        refused = do(shipping, tmp_path, *mode)
        assert refused.error.startswith("CommandError: [MC207] "), refused.output
        assert "from shipping.0001_initial on" in refused.error
        assert "'manage.py migrate shipping zero'" in refused.error
        assert shipping.dump() == before

    *_, of_the_rollback = sorted(tmp_path.glob("migration_*[0-9]"))
    shipping.execute("UPDATE contacts SET name = 'somebody'")
    stays = do(shipping, tmp_path, "--restore", str(of_the_rollback))
    assert stays.code == 0, stays.output
    assert shipping.value("SELECT count(*) FROM contacts WHERE name = 'somebody'") == 0
    assert shipping.value("SELECT count(*) FROM shipping_parcel") == 1

    url = {"DATABASE_URL": shipping.url}
    assert into_a_log(url, "migrate", "shipping", "zero").code == 0
    back = do(shipping, tmp_path, "--rollback")
    assert back.code == 0, back.output
    assert shipping.value("SELECT to_regclass('customers') IS NOT NULL")
