"""A company that is made while reassigning: who knows it by another spelling is asked first."""

from typing import Any

import pytest
from django.test import Client

from tests.support.admin.pages import REASSIGN, client_of, confirm, text_of
from tests.support.database.databases import Database


@pytest.fixture
def client(data: Database) -> Client:
    data.execute("INSERT INTO companies (id, tenant_id, name) VALUES (5, 1, 'Café Zoë')")
    return client_of(
        "contacts.view_contact",
        "contacts.reassign_contact",
        "companies.view_company",
        "companies.add_company",
    )


def choose(client: Client, name: str, **more: str) -> Any:
    return client.get(REASSIGN, {"ids": "11", "new_company": name, **more})


@pytest.mark.parametrize("name", ["CAFÉ ZOË", "Cafe Zoe", "café  zoe\u0308", "cafe\u0301 Zoë"])
def test_one_that_differs_in_case_or_accents_only_is_warned_of(client: Client, name: str) -> None:
    page = choose(client, name)
    assert page.status_code == 400
    assert "There is “Café Zoë” already, which differs from" in text_of(page)
    assert [company.pk for company in page.context["alike"]] == [5]
    assert page.context["plan"] is None


def test_who_wants_another_all_the_same_gets_it(data: Database, client: Client) -> None:
    page = choose(client, "cafe zoe", anyway="1")
    answer = confirm(client, page, anyway="1")
    assert "Reassigned 1 contact to cafe zoe" in text_of(answer)
    made = data.value("SELECT id FROM companies WHERE name = 'cafe zoe'")
    assert data.value("SELECT company_id FROM contacts WHERE id = 11") == made


def test_the_warning_holds_at_the_moment_of_acting(data: Database, client: Client) -> None:
    page = choose(client, "Brand New")
    data.execute("INSERT INTO companies (tenant_id, name) VALUES (1, 'BRAND NEW')")
    answer = confirm(client, page)
    assert "There is “BRAND NEW” already" in text_of(answer)
    assert data.value("SELECT count(*) FROM companies WHERE name ILIKE 'brand new'") == 1


@pytest.mark.parametrize("name", ["Cafe Zoey", "Opal"])
def test_another_name_or_another_tenants_is_no_reason_to_ask(client: Client, name: str) -> None:
    page = choose(client, name)
    assert page.status_code == 200
    assert page.context["plan"].company_name == name
