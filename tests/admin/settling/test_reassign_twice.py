"""A reassignment that is asked for twice, or is too large for a page to wait for."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from contacts.admin import reassign
from tests.support.admin.pages import (
    CONTACTS,
    REASSIGN,
    client_of,
    confirm,
    ended_of,
    text_of,
)
from tests.support.database.databases import Database
from tests.support.waiting import wait_until

PROGRESS = f"{REASSIGN}progress/"
BLOCKED = """
    SELECT count(*) > 0 FROM pg_stat_activity
     WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
"""


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one contact be more than a page waits for."""
    monkeypatch.setattr(reassign, "MOVED_WHILE_THE_PAGE_WAITS", 0)


def choose(client: Client, **selection: str) -> Any:
    return client.get(REASSIGN, {**(selection or {"ids": "11,15"}), "company": "4"})


def test_a_second_click_and_a_second_tab_find_it_done(data: Database, client: Client) -> None:
    first, second = choose(client, filters="placed=still"), choose(client, filters="placed=still")
    assert "Reassigned 3 contacts to Empty" in text_of(confirm(client, first))
    for page in (first, second):
        told = text_of(confirm(client, page))
        assert "Already done by you at " in told
        assert "Reassigned 3 contacts to Empty; 1 order moved along." in told
    assert "Already done by somebody else" in text_of(confirm(client_of(superuser=True), second))
    assert LogEntry.objects.exclude(object_id="").count() == 3


def test_a_company_that_the_first_click_created_is_found_done_too(client: Client) -> None:
    page = client.get(REASSIGN, {"ids": "11", "new_company": "Opal"})
    confirm(client, page)
    assert "Already done by you" in text_of(confirm(client, page))


def test_the_same_move_made_again_later_is_done_again(data: Database, client: Client) -> None:
    confirm(client, choose(client))
    data.execute("UPDATE contacts SET company_id = 1 WHERE id IN (11, 15)")
    assert "Reassigned 2 contacts to Empty" in text_of(confirm(client, choose(client)))
    assert data.value("SELECT count(*) FROM contacts WHERE company_id = 4") == 2


@pytest.mark.usefixtures("large")
def test_many_are_moved_in_the_background_and_seen_from_everywhere(
    data: Database, client: Client
) -> None:
    page = choose(client)
    other = data.connect()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; SELECT 1 FROM contacts WHERE id = 15 FOR UPDATE")
            answer = confirm(client, page)
            assert "0 of 2 contacts moved so far." in text_of(answer)
            wait_until(lambda: bool(data.value(BLOCKED)))
            again = confirm(client, page)
            assert again.redirect_chain[-1][0].startswith(PROGRESS)
            assert data.value("SELECT count(*) FROM contacts WHERE company_id = 4") == 0
            cursor.execute("COMMIT")
    finally:
        other.close()
    ended = ended_of(client, answer)
    assert ended.redirect_chain[-1][0] == CONTACTS
    assert "Reassigned 2 contacts to Empty; 1 order moved along." in text_of(ended)
    assert "Already done by you at " in text_of(confirm(client, page))
    assert data.value("SELECT count(*) FROM contacts WHERE company_id = 4") == 2


@pytest.mark.usefixtures("large")
def test_in_the_background_nothing_is_done_that_was_not_shown(
    data: Database, client: Client
) -> None:
    page = choose(client)
    data.execute("UPDATE contacts SET name = 'Adam' WHERE id = 11")
    ended = ended_of(client, confirm(client, page))
    assert "Nothing was changed, because the contacts had changed" in text_of(ended)
    assert data.value("SELECT count(*) FROM contacts WHERE company_id = 4") == 0


@pytest.mark.usefixtures("large")
def test_in_the_background_who_is_held_back_has_to_be_agreed_to(
    data: Database, client: Client
) -> None:
    page = client.get(REASSIGN, {"ids": "11,15", "company": "2"})
    ended = ended_of(client, confirm(client, page))
    assert "Nothing was changed." in text_of(ended)
    ended = ended_of(client, confirm(client, page, without="1"))
    assert "Reassigned 1 contact to Ring & Co; 1 order moved along. 1 contact stayed." in (
        text_of(ended)
    )


def test_one_that_was_broken_off_says_that_nothing_was_changed(client: Client) -> None:
    since = (timezone.now() - timedelta(minutes=5)).isoformat()
    answer = client.get(PROGRESS, {"shown": "f" * 64, "since": since}, follow=True)
    assert "was broken off before its end, so nothing was changed" in text_of(answer)


@pytest.mark.parametrize("query", [{}, {"shown": "x"}, {"shown": "x", "since": "yesterday"}])
def test_progress_of_nothing_leads_to_the_list(client: Client, query: dict[str, str]) -> None:
    assert client.get(PROGRESS, query).headers["Location"] == CONTACTS


def test_progress_needs_the_permission_to_reassign(data: Database) -> None:
    assert client_of("contacts.view_contact").get(PROGRESS).status_code == 403
