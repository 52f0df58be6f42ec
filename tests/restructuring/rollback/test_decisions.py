"""What people decided in the admin outlives a rollback and hinders none."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from contacts.models import Contact
from contacts.settling.attention import STILL_PLACED
from contacts.settling.models import Action
from contacts.settling.recording import recording
from contacts.settling.undoing import last_action, undo
from orders.decisions import want_none
from orders.linking import NO_CONTACT_WANTED, WITHOUT_CONTACT
from orders.models import Order
from tests.support.database.databases import Database
from tests.support.database.photograph import changes, photograph
from tests.support.runs.command import assert_migrates, assert_succeeds

pytestmark = pytest.mark.slow


def moved(user: User) -> int:
    """Move a contact that was placed to another company, so that it can be undone."""
    contact = Contact.objects.filter(STILL_PLACED).earliest("pk")
    other = contact.tenant.companies.exclude(pk=contact.company_id).earliest("pk")
    with recording(Action.Kind.REASSIGN, user.pk) as record:
        record.writes("contacts", [contact.pk], "company_id")
        Contact.objects.filter(pk=contact.pk).update(company=other)
        record.end("Moved.")
    return int(contact.pk)


def test_marks_hold_again_and_what_is_not_as_it_was_left_is_not_undone(
    sample: Database, tmp_path: Path
) -> None:
    before = photograph(sample)
    assert_migrates(tmp_path)
    user = User.objects.create(username="somebody")
    marked = Order.objects.filter(WITHOUT_CONTACT).earliest("pk").pk
    want_none([marked], user_id=user.pk)
    contact = moved(user)
    assert_succeeds(tmp_path, "--verify-only")

    assert_succeeds(tmp_path, "--rollback")

    told = changes(before, photograph(sample))
    assert [line for line in told if "settling" in line] == []
    assert sample.fetch("SELECT order_id FROM settling_nocontactwanted") == [(marked,)]

    assert_migrates(tmp_path)
    assert set(Order.objects.filter(NO_CONTACT_WANTED).values_list("pk", flat=True)) == {marked}
    action = last_action(user.pk)
    assert action is not None
    with pytest.raises(ValidationError, match=f"contact {contact}"):
        undo(action.pk, user_id=user.pk)
