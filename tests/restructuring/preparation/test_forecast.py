"""The dry run names the costs of both roads for this database, from its rows."""

import re
from typing import Any

import pytest

from contacts.restructuring.console.lines import plain_text
from contacts.restructuring.preparation.forecast import Forecast, estimate
from contacts.restructuring.preparation.pace import GENTLE, NORMAL
from contacts.restructuring.reports.results import roads_lines, switch_lines
from tests.support.database.databases import Database
from tests.support.runs.command import run
from tests.support.runs.preparation import prepare_whole

MANY_ORPHANS = """
    INSERT INTO customers (tenant_id, name, email)
    SELECT 1, 'Nobody', 'n' || n || '@nobody.example' FROM generate_series(1, 20000) AS n
"""
LOCKED = re.compile(r"then locked for about ([\d.]+) s, or ([\d.]+) s with --place-early")
LOCKED_ONCE = re.compile(r"locked for about [\d.]+ s$", re.MULTILINE)


def forecast_of(*options: str) -> dict[str, Any]:
    """Return what a dry run foresees."""
    done = run("--dry-run", "--format=json", *options)
    assert done.code == 0, done.output
    found: dict[str, Any] = done.document["forecast"]
    return found


def test_both_roads_stand_side_by_side(sample: Database) -> None:
    sample.execute(MANY_ORPHANS)

    done = run("--dry-run")

    assert done.code == 0
    roads = done.out[done.out.index("THE TWO ROADS") :]
    assert "offline: locked for about" in roads
    assert "online: prepared for about" in roads
    assert "with --place-early" in roads
    locked, early = LOCKED.search(roads).groups()  # type: ignore[union-attr]
    assert float(locked) > float(early)


def test_what_is_the_same_with_another_option_is_said_once(sample: Database) -> None:
    roads = run("--dry-run").out

    assert LOCKED_ONCE.search(roads)
    assert "--place-early" not in roads
    (lines, early), (_, late) = (
        [plain_text(found(Forecast(9, 9, 0.21, placing))) for found in (roads_lines, switch_lines)]
        for placing in (0.02, 0.2)
    )
    assert "locked for about 0.2 s\n" in lines
    assert "locked for about 0.2 s\n" in early
    assert "locked for about 0.4 s, or 0.2 s after --prepare --place-early\n" in late
    all_but_the_same = plain_text(switch_lines(Forecast(9, 9, 0.2499, 0.0003)))
    assert "locked for about 0.3 s\n" in all_but_the_same


def test_offline_it_grows_with_the_rows_and_online_hardly() -> None:
    one, four = (estimate(rows(millions), 0, 1.0, NORMAL) for millions in (1, 4))

    assert 3 < four.offline_locked / one.offline_locked < 4
    assert 1 < four.online_locked / one.online_locked < 1.5
    assert one.online_locked < 0.03 * one.offline_locked
    assert one.placing == four.placing == 0


def test_orphans_a_slow_server_and_a_gentle_pace_take_longer() -> None:
    usual = estimate(rows(1), 10_000, 1.0, NORMAL)

    assert usual.placing == pytest.approx(2 * estimate(rows(1), 5_000, 1.0, NORMAL).placing)
    slower = estimate(rows(1), 10_000, 3.0, NORMAL)
    assert slower.offline_locked == pytest.approx(3 * usual.offline_locked)
    gentle = estimate(rows(1), 10_000, 1.0, GENTLE)
    assert gentle.online_prepared > 1.5 * usual.online_prepared
    assert gentle.online_locked == usual.online_locked


def rows(millions: int) -> dict[str, int]:
    """Return the rows of a database with so many million orders."""
    return {"orders": millions * 10**6, "customers": millions * 2 * 10**5}


def test_what_cannot_be_prepared_is_said(sample: Database) -> None:
    sample.execute("ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant")

    told = forecast_of()["online"]["obstacles"]

    assert len(told) == 1
    assert "no immediate unique key on (tenant_id, email)" in told[0]
    assert "this database cannot be prepared: customers has no immediate" in run("--dry-run").out


def test_of_a_prepared_database_it_is_told_how_long_the_switch_locks(sample: Database) -> None:
    prepare_whole()

    done = run("--dry-run")

    switch = done.out[done.out.index("THE SWITCH") :]
    assert LOCKED_ONCE.search(switch)
    assert "THE TWO ROADS" not in done.out
    assert forecast_of()["online"]["locked"] < forecast_of()["offline"]["locked"]
    assert forecast_of()["online"]["obstacles"] == []


def test_placing_early_makes_a_switch_shorter_that_is_prepared(sample: Database) -> None:
    prepare_whole()
    sample.execute(MANY_ORPHANS)

    told = run("--dry-run").out

    found = re.search(r"about ([\d.]+) s, or ([\d.]+) s after --prepare --place-early", told)
    assert found
    assert float(found[1]) > float(found[2])
