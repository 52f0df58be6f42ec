"""Orders whose snapshot another program has dropped: the admin says so."""

import pytest
from django.test import Client

from tests.support.admin.pages import CONTACTS, LINK, ORDERS
from tests.support.database.databases import Database


@pytest.mark.parametrize("page", [ORDERS, f"{ORDERS}24/change/", f"{LINK}?ids=24"])
def test_pages_of_orders_say_which_columns_are_gone(
    data: Database, client: Client, page: str
) -> None:
    data.execute("ALTER TABLE orders DROP COLUMN customer_name, DROP COLUMN customer_phone")

    answer = client.get(page)

    assert answer.status_code == 503
    told = answer.content.decode()
    assert "Another program has dropped customer_name, customer_phone of orders" in told
    assert "ALTER TABLE orders ADD customer_name varchar, ADD customer_phone varchar" in told


@pytest.mark.parametrize("page", ["/admin/", CONTACTS, f"{CONTACTS}11/change/"])
def test_other_pages_go_on(data: Database, client: Client, page: str) -> None:
    data.execute("ALTER TABLE orders DROP COLUMN customer_name")

    assert client.get(page).status_code == 200
