"""The admin beside a bridge: it says that one stands, and is not led astray by it."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from jmsk.access.tenants import limit
from jmsk.wording import inflected
from tests.support.database.databases import Database
from tests.support.runs.command import assert_migrates

pytestmark = pytest.mark.slow

DUPLICATES = ("duplicate e-mail", "duplicate e-mails")


@pytest.fixture
def client(sample: Database, tmp_path: Path, settings: Any) -> Client:
    settings.SECURE_SSL_REDIRECT = False
    assert_migrates(tmp_path, "--bridge")
    made = Client()
    made.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
    return made


def test_the_dashboard_says_that_it_stands(client: Client) -> None:
    page = client.get("/admin/").content.decode()
    assert "The bridge for the legacy application stands in schema legacy since" in page
    assert "calls of customers and" in page


def test_the_dashboard_says_what_is_to_be_settled_before_it_goes(
    sample: Database, client: Client
) -> None:
    placed = sample.value("SELECT count(*) FROM contacts WHERE company_id = placed_in_company_id")
    aside = sample.value("SELECT count(*) FROM contacts WHERE email_set_aside IS NOT NULL")
    told = f"To settle before it goes: {placed} contacts still where the migration placed them"
    if aside:
        told += f" and {inflected(aside, *DUPLICATES)} set aside"
    assert f"{told};" in client.get("/admin/").content.decode()
    sample.execute("UPDATE contacts SET placed_in_company_id = NULL, email_set_aside = NULL")
    assert "Nothing has to be settled before it goes." in client.get("/admin/").content.decode()


def test_one_of_a_kind_is_told_as_one(sample: Database, client: Client) -> None:
    sample.execute("UPDATE contacts SET placed_in_company_id = NULL, email_set_aside = NULL")
    sample.execute("""
        UPDATE contacts SET placed_in_company_id = company_id, email_set_aside = 'x@example.com'
         WHERE id = (SELECT min(id) FROM contacts)
    """)
    told = "1 contact still where the migration placed it and 1 duplicate e-mail set aside;"
    assert told in client.get("/admin/").content.decode()


def test_who_sees_some_tenants_only_is_not_told_that_nothing_is_left(
    sample: Database, client: Client
) -> None:
    limit(User.objects.get().pk, [sample.value("SELECT min(id) FROM tenants")])
    sample.execute("""
        UPDATE contacts SET placed_in_company_id = NULL, email_set_aside = NULL
         WHERE tenant_id = (SELECT min(id) FROM tenants)
    """)
    page = client.get("/admin/").content.decode()
    assert "The bridge for the legacy application stands" in page
    assert "before it goes" not in page


def test_a_role_that_sees_the_bridge_is_told_what_to_do(sample: Database, client: Client) -> None:
    sample.execute(f'ALTER DATABASE "{sample.name}" SET search_path = legacy, public')
    connection.close()
    for page in ("/admin/", "/admin/orders/order/"):
        assert "leads to the legacy" in client.get(page, follow=True).content.decode()
