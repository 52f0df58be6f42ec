"""The planner's statistics: refreshed by each change, when nobody is locked out any more."""

import threading
from pathlib import Path

import pytest

from contacts.models import RestructuringRun
from contacts.restructuring.changes.planned_migrations import PlannedMigrations
from tests.support.database.databases import Database
from tests.support.runs.command import assert_succeeds, run_into
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

ANALYSED = "SELECT min(last_analyze) FROM pg_stat_user_tables WHERE relname = ANY(%s)"
LOCKED = "BEGIN; LOCK TABLE tenants IN SHARE UPDATE EXCLUSIVE MODE"
QUEUED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tenants'::regclass"


def refreshed(database: Database, *tables: str) -> bool:
    """Whether the statistics of all these are from after the end of the last run's transaction."""
    run = RestructuringRun.objects.latest("id")
    return bool(database.value(ANALYSED, [list(tables)]) > run.finished_at)


def test_they_are_refreshed_after_commit(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)
    assert refreshed(sample, "tenants", "companies", "contacts", "orders", "addresses")
    assert sample.value("SELECT count(*) FROM pg_stats WHERE attname = 'company_id'") == 2

    assert_succeeds(tmp_path, "--rollback")
    assert refreshed(sample, "tenants", "companies", "customers", "orders")

    assert_succeeds(tmp_path)
    legacy, *_ = sorted(tmp_path.glob("migration_2*[0-9]"))
    assert_succeeds(tmp_path, "--restore", str(legacy))
    assert refreshed(sample, "tenants", "companies", "customers", "orders")


def test_where_that_is_refused_the_run_is_no_less_committed(
    sample: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply, other = PlannedMigrations.apply, sample.connect()
    locking = threading.Thread(target=other.cursor().execute, args=[LOCKED])

    def queue_then_apply(*arguments: object) -> None:
        locking.start()
        wait_until(lambda: sample.value(QUEUED) == 1)
        apply(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PlannedMigrations, "apply", queue_then_apply)
    done = run_into(tmp_path, "--lock-timeout", "0.2")
    locking.join()
    other.close()

    assert done.code == 0, done.output
    assert "Note: The planner's statistics are old (canceling statement due to lock timeout)" in (
        done.out
    )
    assert_succeeds(tmp_path, "--verify-only")
