"""The legacy application, unchanged: before, during and after the cut-over, and on the way back."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.support.applications.legacy_application import LegacyApplication, sees_the_bridge
from tests.support.applications.legacy_load import load
from tests.support.database.databases import Database
from tests.support.database.invariants import assert_rules_hold
from tests.support.runs.command import assert_migrates, assert_succeeds

pytestmark = pytest.mark.slow


def test_no_request_fails_through_a_cut_over_and_back(sample: Database, tmp_path: Path) -> None:
    with load(sample) as at_work:
        at_work.goes_on()
        assert_migrates(tmp_path, "--bridge")
        at_work.goes_on()
        assert_rules_hold(sample)
        assert all(sees_the_bridge(client) for client in at_work.clients)
        assert_succeeds(tmp_path, "--skip-backup", "--rollback")
        at_work.goes_on()
        assert not any(sees_the_bridge(client) for client in at_work.clients)
    assert at_work.failed == []


def test_a_session_from_before_can_do_all_requests_afterwards(
    sample: Database, tmp_path: Path
) -> None:
    with closing(LegacyApplication(sample, "shop")) as application:
        for request in application.requests.values():
            request()
        assert_migrates(tmp_path, "--bridge")
        assert sees_the_bridge(application)
        for request in application.requests.values():
            request()


def test_lists_give_the_same_before_and_after(sample: Database, tmp_path: Path) -> None:
    with closing(LegacyApplication(sample, "shop")) as application:
        before = application.list_customers(), application.list_orders()
        assert_migrates(tmp_path, "--bridge")
        assert (application.list_customers(), application.list_orders()) == before
