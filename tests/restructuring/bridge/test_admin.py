"""The admin beside a bridge: it says that one stands, and is not led astray by it."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.support.command import assert_migrates
from tests.support.databases import Database


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
        told += f" and {aside} duplicate e-mails set aside"
    assert f"{told};" in client.get("/admin/").content.decode()
    sample.execute("UPDATE contacts SET placed_in_company_id = NULL, email_set_aside = NULL")
    assert "Nothing has to be settled before it goes." in client.get("/admin/").content.decode()


def test_a_role_that_sees_the_bridge_is_told_what_to_do(sample: Database, client: Client) -> None:
    sample.execute(f'ALTER DATABASE "{sample.name}" SET search_path = legacy, public')
    connection.close()
    for page in ("/admin/", "/admin/orders/order/"):
        assert "leads to the legacy" in client.get(page, follow=True).content.decode()
