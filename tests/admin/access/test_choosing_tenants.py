"""Which tenants a user sees is chosen on the page of the user."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from jmsk.access.models import UserTenant
from jmsk.access.tenants import limit
from tests.support.admin.other_tenant import MARK
from tests.support.admin.pages import (
    CONTACTS,
    client_of,
    text_of,
)
from tests.support.database.databases import Database

USERS = "/admin/auth/user/"


def choose(client: Client, user: User, *tenants: int) -> Any:
    """Choose, on the page of a user, the tenants that they see."""
    day = {"last_login_0": "", "last_login_1": ""}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    sent = {"username": user.username, "is_staff": "on", "is_active": "on", "tenants": tenants}
    return client.post(f"{USERS}{user.pk}/change/", {**sent, **day, **joined}, follow=True)


def test_the_tenants_that_a_user_sees_are_chosen_on_the_users_page(shared: Database) -> None:
    client = client_of(superuser=True)
    ann = User.objects.create(username="ann", is_staff=True)
    assert f"{MARK} tenant" in text_of(client.get(f"{USERS}{ann.pk}/change/"))
    assert "was changed successfully" in text_of(choose(client, ann, 1, 2))
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants ORDER BY 1") == [(1,), (2,)]
    choose(client, ann, 2)
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants") == [(2,)]
    choose(client, ann)
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants") == []


def test_a_tenant_that_is_gone_is_kept_until_somebody_takes_it_away(shared: Database) -> None:
    client = client_of(superuser=True)
    ann = User.objects.create(username="ann", is_staff=True)
    limit(ann.pk, [999])
    assert "tenant 999, which is gone" in text_of(client.get(f"{USERS}{ann.pk}/change/"))
    choose(client, ann, 999)
    assert shared.fetch("SELECT tenant_id FROM auth_user_tenants") == [(999,)]


def test_nobody_chooses_their_own_tenants_and_a_limited_user_nobodys(shared: Database) -> None:
    client = client_of(superuser=True)
    root = User.objects.get()
    assert "sees only what belongs to these" not in text_of(client.get(f"{USERS}{root.pk}/change/"))
    choose(client, root, 1)
    assert not UserTenant.objects.exists()
    ann = User.objects.create(username="ann", is_staff=True)
    limit(root.pk, [1])
    for page in (USERS, f"{USERS}{ann.pk}/change/", f"{USERS}{ann.pk}/password/", f"{USERS}add/"):
        assert client.get(page).status_code == 403, page
    choose(client, ann, 2)
    assert UserTenant.objects.filter(user=ann).count() == 0


def test_without_the_table_of_limits_nobody_sees_a_row(shared: Database) -> None:
    client = client_of(superuser=True)
    shared.execute("DROP TABLE auth_user_tenants")
    for page in ("/admin/", CONTACTS, USERS):
        answer = client.get(page)
        assert answer.status_code == 503, page
        assert "Run 'manage.py migrate': it adds them" in text_of(answer)
