"""Who sees some tenants only reads and changes no row of another, in whatever they do."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import RequestFactory
from django.utils import timezone

from companies.models import Company
from contacts.models import Contact
from contacts.settling.bulk import DONE, Asked, record
from contacts.settling.dashboard import dashboard
from contacts.settling.merging import merge, plan_merge
from contacts.settling.models import Action
from contacts.settling.proposals import Acceptance, accept
from contacts.settling.reassignment import ChangedMeanwhileError, make_plan, reassign
from contacts.settling.recording import recording
from contacts.settling.settlement import DROP, Answer, settle
from contacts.settling.undoing import last_action, undo
from jmsk.access.tenants import limit
from orders.decisions import Decisions, NewContact, decide, want_none, want_one_again
from orders.linking import Link, link
from tests.support.admin.other_tenant import (
    ACTS,
    MARK,
    SHOWN,
    body,
    limited_client,
    theirs,
    worked_before,
)
from tests.support.admin.pages import (
    COMPANIES,
    CONTACTS,
    REASSIGN,
    client_of,
    confirm,
    text_of,
)
from tests.support.database.databases import Database

ALIKE = f"{MARK} COMPANY"
"""To which the other tenant's company would be proposed."""


def test_counts_and_sums_are_of_the_seen_tenants(shared: Database) -> None:
    request: Any = RequestFactory().get("/admin/")
    client_of(superuser=True)
    request.user = User.objects.get()
    everything = dashboard(request)
    limit(request.user.pk, [1])
    del request._tenants
    found = dashboard(request)
    assert (everything.total, everything.unfinished) == (12, 2)
    assert (found.total, found.unfinished) == (5, 1)
    assert [tenant.name for tenant in found.tenants] == ["Aurum"]


def test_a_tenant_seen_by_name_keeps_the_others_out_of_a_form(shared: Database) -> None:
    client = limited_client(superuser=True)
    answer = client.post(f"{CONTACTS}add/", {"company": "3", "name": "Zoe"})
    assert "valid choice" in text_of(answer)
    assert shared.value("SELECT count(*) FROM contacts WHERE name = 'Zoe'") == 0
    client.post(f"{CONTACTS}add/", {"company": "2", "name": "Zoe"})
    assert shared.value("SELECT tenant_id FROM contacts WHERE name = 'Zoe'") == 1


def test_a_limit_counts_at_the_moment_of_acting(shared: Database) -> None:
    client = client_of(superuser=True)
    user = User.objects.get()
    page = client.get(REASSIGN, {"ids": "13", "company": "5"})
    before = theirs(shared)
    limit(user.pk, [1])
    assert "No contacts are selected any more" in text_of(confirm(client, page))
    assert theirs(shared) == before


def test_a_limit_counts_in_the_work_behind_the_page(shared: Database) -> None:
    client_of(superuser=True)
    user = User.objects.get()
    contacts, company = Contact.objects.filter(pk=13), Company.objects.get(pk=5)
    plan = make_plan(contacts, company)
    before = theirs(shared)
    limit(user.pk, [1])
    with pytest.raises(ChangedMeanwhileError), recording(Action.Kind.REASSIGN, user.pk) as written:
        reassign(contacts, company, (), shown=plan.fingerprint, user_id=user.pk, record=written)
    with pytest.raises(ValidationError, match="Company 3 is gone"):
        accept([Acceptance(16, 5, 3)], (), user.pk)
    with (
        pytest.raises(ValidationError, match="does not exist any more"),
        recording(Action.Kind.LINK, user.pk) as written,
    ):
        link([Link(25, 13, 3)], user_id=user.pk, record=written)
    with pytest.raises(ValidationError, match="settled meanwhile"):
        settle(16, Answer(DROP), shown=f"y@{MARK}.example", user_id=user.pk)
    assert theirs(shared) == before


def test_a_limit_counts_in_merging_marking_and_making_contacts(shared: Database) -> None:
    client_of(superuser=True)
    user = User.objects.get()
    both = plan_merge(Contact.objects.get(pk=17), Contact.objects.get(pk=18), {})
    want_none([26], user_id=user.pk)
    before = theirs(shared)
    limit(user.pk, [1])
    with pytest.raises(ValidationError, match="has changed since this was shown"):
        merge(17, 18, {}, (), shown=both.fingerprint, user_id=user.pk)
    with pytest.raises(ValidationError, match="An order is gone"):
        decide(Decisions(walk_ins=(25,)), user_id=user.pk)
    with pytest.raises(ValidationError, match="Order 25 does not exist any more"):
        decide(Decisions(new=(NewContact(25, "Zoe", "", "", ALIKE),)), user_id=user.pk)
    with pytest.raises(ValidationError, match="Contact 13 does not exist any more"):
        decide(Decisions(links=(Link(24, 13, 3),)), user_id=user.pk)
    assert want_none([25], user_id=user.pk).startswith("0 orders")
    assert want_one_again([26], user_id=user.pk) == 0
    assert theirs(shared) == before


def test_a_limit_counts_in_undoing_also_where_the_rows_are_gone(shared: Database) -> None:
    client = worked_before(limited=True)
    user = User.objects.get(username="user0")
    shared.run_script("""
        UPDATE orders SET contact_id = NULL WHERE contact_id IN (19, 41);
        DELETE FROM contacts WHERE id IN (19, 41);
        DELETE FROM orders WHERE id IN (26, 27);
    """)
    before = theirs(shared)
    assert last_action(user.pk) is None
    assert "nothing that can be undone" in text_of(client.get(f"{CONTACTS}undo/", follow=True))
    for act in ACTS:
        assert client.get(f"{CONTACTS}undo/{act}/").status_code == 403
        with pytest.raises(ValidationError, match="nothing here that you can undo"):
            undo(int(act), user_id=user.pk)
    assert theirs(shared) == before


def test_a_limited_user_undoes_what_they_did_last_of_what_they_see(shared: Database) -> None:
    client = client_of(superuser=True)
    user = User.objects.get()
    want_none([24], user_id=user.pk)
    want_none([26], user_id=user.pk)
    limit(user.pk, [1])
    page = client.get(f"{CONTACTS}undo/", follow=True)
    assert "It can be undone as a whole" in text_of(page)
    client.post(page.request["PATH_INFO"])
    assert shared.fetch("SELECT order_id FROM settling_nocontactwanted") == [(26,)]


def test_another_row_that_got_a_merged_contacts_number_does_not_tell_of_it(
    shared: Database,
) -> None:
    client = worked_before(limited=True)
    shared.execute("INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (20, 1, 1, 'n')")
    assert not client.get(f"{CONTACTS}20/history/").context["merges"]


def test_who_sees_some_tenants_only_gets_no_other_permission_by_it(shared: Database) -> None:
    client = limited_client("contacts.view_contact")
    assert client.get(CONTACTS).status_code == 200
    assert client.get(COMPANIES).status_code == 403


def test_who_was_limited_to_a_tenant_that_is_gone_sees_nothing(shared: Database) -> None:
    client = client_of(superuser=True)
    limit(User.objects.get().pk, [999])
    assert "0 contacts" in text_of(client.get(CONTACTS))


def test_a_limited_user_who_has_reassigned_is_told_how_it_ended(shared: Database) -> None:
    client = limited_client(superuser=True)
    user = User.objects.get()
    since = timezone.now() - timedelta(minutes=1)
    record(Asked(SHOWN, user.pk, 1), DONE, "Reassigned 3 contacts to Empty")
    asked = {"shown": SHOWN, "since": since.isoformat()}
    told = text_of(client.get(f"{REASSIGN}progress/", asked, follow=True))
    assert "Reassigned 3 contacts to Empty" in told


def test_nobody_is_told_of_a_reassignment_in_a_tenant_that_they_see_no_more(
    shared: Database,
) -> None:
    client = limited_client(superuser=True)
    asked = {"shown": SHOWN, "since": (timezone.now() - timedelta(minutes=1)).isoformat()}
    record(Asked(SHOWN, User.objects.get().pk, 2), DONE, f"Reassigned 3 contacts to {MARK}")
    assert client.get(f"{REASSIGN}progress/", asked).status_code == 403
    again = client.post(REASSIGN, {"ids": "13", "company": "5", **asked}, follow=True)
    assert MARK not in body(again)


def test_how_far_a_reassignment_is_learns_only_who_knows_which(shared: Database) -> None:
    client = limited_client(superuser=True)
    asked = {"since": timezone.now().isoformat(), "number": "9"}
    with closing(shared.connect()) as session:
        session.cursor().execute("SET application_name = %s", [f"reassign {SHOWN[:24]} 777"])
        told = text_of(client.get(f"{REASSIGN}progress/", {"shown": SHOWN, **asked}))
        assert "777 of 9 contacts moved" in told
        for shown in ("%", "_" * 64):
            told = text_of(client.get(f"{REASSIGN}progress/", {"shown": shown, **asked}))
            assert "777" not in told, shown
