"""A client of the application as it was rewritten for the restructured tables.

It knows no bridge.
"""

import random
from collections.abc import Callable
from typing import Any

import psycopg2

from tests.support.database.databases import Database

TENANTS = (1, 2)
ANY_CONTACT = "SELECT id FROM contacts WHERE tenant_id = %s ORDER BY id LIMIT 20"


class NewApplication:
    """``name`` is in all that it makes, so that two clients never make the same."""

    def __init__(self, database: Database, name: str) -> None:
        self.name = name
        self.made = 0
        self.random = random.Random(name)  # noqa: S311  # which request comes next
        self.connection = psycopg2.connect(database.url)

    def close(self) -> None:
        self.connection.close()

    @property
    def requests(self) -> dict[str, Callable[[int], Any]]:
        """All that a user can ask of it for a tenant, by name."""
        return {
            "create a contact": self.create_contact,
            "create an order": self.create_order,
            "move": self.move,
            "write to another address": self.change_email,
            "delete": self.create_and_delete,
            "list": self.list_orders,
        }

    def any_request(self) -> str:
        """Do one of the requests, in a transaction; return its name."""
        name = self.random.choice(list(self.requests))
        with self.connection:
            self.requests[name](self.random.choice(TENANTS))
        return name

    def create_contact(self, tenant: int) -> int:
        name = self._new_name()
        columns = "contacts (tenant_id, company_id, name, email)"
        values = [tenant, self._any_company(tenant), name, f"{name}@new.example"]
        return self._value(f"INSERT INTO {columns} VALUES (%s, %s, %s, %s) RETURNING id", values)

    def create_order(self, tenant: int) -> None:
        contact = self._any_contact(tenant)
        query = "SELECT company_id FROM contacts WHERE id = %s FOR SHARE"
        values = [tenant, self._new_name(), contact, self._value(query, [contact])]
        columns = "orders (tenant_id, order_number, contact_id, company_id)"
        self._run(f"INSERT INTO {columns} VALUES (%s, %s, %s, %s)", values)

    def move(self, tenant: int) -> None:
        move = "UPDATE contacts SET company_id = %s WHERE id = %s"
        self._run(move, [self._any_company(tenant), self._any_contact(tenant)])

    def change_email(self, tenant: int) -> None:
        email = self.random.choice([None, f"{self._new_name()}@new.example"])
        change = "UPDATE contacts SET email = %s WHERE id = %s"
        self._run(change, [email, self._any_contact(tenant)])

    def create_and_delete(self, tenant: int) -> None:
        contact = self.create_contact(tenant)
        order = "INSERT INTO orders (tenant_id, order_number, contact_id) VALUES (%s, %s, %s)"
        self._run(order, [tenant, self._new_name(), contact])
        self._run("DELETE FROM contacts WHERE id = %s", [contact])

    def list_orders(self, tenant: int) -> None:
        listed = "SELECT o.id, c.name FROM orders o JOIN companies c ON c.id = o.company_id"
        self._run(f"{listed} WHERE o.tenant_id = %s ORDER BY o.id", [tenant])

    def _new_name(self) -> str:
        self.made += 1
        return f"{self.name}-{self.made}"

    def _any_company(self, tenant: int) -> int:
        return self._any("SELECT id FROM companies WHERE tenant_id = %s ORDER BY id", tenant)

    def _any_contact(self, tenant: int) -> int:
        return self._any(ANY_CONTACT, tenant)

    def _any(self, query: str, tenant: int) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(query, [tenant])
            return int(self.random.choice(cursor.fetchall())[0])

    def _value(self, statement: str, values: list[Any]) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return int(cursor.fetchall()[0][0])

    def _run(self, statement: str, values: list[Any]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
