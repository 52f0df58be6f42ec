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

ANALYSED = """
    SELECT coalesce(bool_and(coalesce(last_analyze > %s, false)), false)
      FROM pg_stat_user_tables WHERE relname = ANY(%s)
"""
LOCKED = "BEGIN; LOCK TABLE tenants IN SHARE UPDATE EXCLUSIVE MODE"
QUEUED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tenants'::regclass"


def assert_refreshed(database: Database, *tables: str) -> None:
    """Fail unless the statistics of all these are of after the last run's transaction.

    Up to version 14 the server notes a little later when it took them.
    """
    ended = RestructuringRun.objects.latest("id").finished_at
    wait_until(lambda: bool(database.value(ANALYSED, [ended, list(tables)])))


def test_they_are_refreshed_after_commit(sample: Database, tmp_path: Path) -> None:
    assert_succeeds(tmp_path)
    assert_refreshed(sample, "tenants", "companies", "contacts", "orders", "addresses")
    assert sample.value("SELECT count(*) FROM pg_stats WHERE attname = 'company_id'") == 2

    assert_succeeds(tmp_path, "--rollback")
    assert_refreshed(sample, "tenants", "companies", "customers", "orders")

    assert_succeeds(tmp_path)
    legacy, *_ = sorted(tmp_path.glob("migration_2*[0-9]"))
    assert_succeeds(tmp_path, "--restore", str(legacy))
    assert_refreshed(sample, "tenants", "companies", "customers", "orders")


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
