"""A small application on the legacy tables, as its people wrote it: SQLAlchemy and psycopg2.

It knows customers, orders with a customer_id, and nothing of contacts. Its sessions have had the
search path `legacy, public` since before there was a schema of that name.
"""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.support.applications.legacy_models import Company, Customer, Order
from tests.support.database.databases import Database

TENANTS = (1, 2)
PREPARED = {
    "customer_by_id": "SELECT * FROM customers WHERE id = $1",
    "customers_of": "SELECT * FROM customers WHERE tenant_id = $1 ORDER BY id",
    "orders_of": (
        "SELECT o.id, o.customer_id, c.name FROM orders o LEFT JOIN customers c "
        "ON c.id = o.customer_id WHERE o.tenant_id = $1 ORDER BY o.id"
    ),
    "rename": "UPDATE customers SET name = $2 WHERE id = $1",
    "reprice": "UPDATE orders SET price = $2 WHERE id = $1",
}
"""What a session of it has the server prepare when it connects."""


@dataclass
class LegacyApplication:
    """One client of the application: an SQLAlchemy session and a psycopg2 connection of its own.

    ``name`` is in all that it makes, so that two clients never make the same.
    """

    database: Database
    name: str
    path: str = "legacy,public"
    made: int = 0
    engine: Engine = field(init=False)
    raw: extensions.connection = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.name)  # noqa: S311  # which request comes next
        self.engine = create_engine("postgresql+psycopg2://", creator=self._connect, pool_size=1)
        self.raw = self._connect()
        with self.raw.cursor() as cursor:
            for name, statement in PREPARED.items():
                cursor.execute(f"PREPARE {name} AS {statement}")
        self.raw.commit()

    def close(self) -> None:
        self.engine.dispose()
        self.raw.close()

    def _connect(self) -> extensions.connection:
        options = f"-c search_path={self.path}"
        return psycopg2.connect(self.database.url, options=options)

    @property
    def requests(self) -> dict[str, Callable[[], Any]]:
        """All that a user can ask of it, by name."""
        return {
            "list customers": self.list_customers,
            "list orders": self.list_orders,
            "look up": self.look_up,
            "create a customer": self.create_customer,
            "create an order": self.create_order,
            "create a walk-in order": self.create_walk_in_order,
            "edit": self.edit,
            "move": self.move,
            "give an order another customer": self.change_customer,
            "edit under a lock": self.edit_under_lock,
            "try a duplicate": self.try_duplicate,
            "create and delete": self.create_and_delete,
            "import": self.import_customers,
            "prepared reads": self.prepared_reads,
            "prepared writes": self.prepared_writes,
        }

    def any_request(self) -> str:
        """Do one of the requests; return its name."""
        name = self.random.choice(list(self.requests))
        self.requests[name]()
        return name

    def list_customers(self) -> list[tuple[Any, ...]]:
        query = select(Customer.id, Customer.name, Customer.email, Customer.company_id)
        with Session(self.engine) as session:
            found = session.execute(query.order_by(Customer.id)).all()
        assert all(email is not None for _, _, email, _ in found)
        return [tuple(row) for row in found]

    def list_orders(self) -> list[tuple[Any, ...]]:
        query = select(Order.id, Order.customer_name, Customer.email).outerjoin(Order.customer)
        with Session(self.engine) as session:
            found = session.execute(query.order_by(Order.id)).all()
        assert all(name is not None for _, name, _ in found)
        return [tuple(row) for row in found]

    def look_up(self) -> None:
        with Session(self.engine) as session:
            customer = self._any_customer(session)
            # Held, so that nobody changes what is looked up.
            session.refresh(customer, with_for_update={"read": True})
            query = select(Customer).where(
                Customer.tenant_id == customer.tenant_id, Customer.email == customer.email
            )
            assert customer in session.scalars(query).all()
            if customer.company_id is not None:
                query = select(Customer).where(Customer.company_id == customer.company_id)
                assert customer in session.scalars(query).all()

    def create_customer(self) -> int:
        with Session(self.engine) as session:
            customer = self._new_customer(session, with_company=self.random.random() < 0.5)
            session.commit()
            assert session.get(Customer, customer.id) is customer
            return customer.id

    def create_order(self) -> int:
        with Session(self.engine) as session:
            customer = self._any_customer(session)
            order = Order(
                tenant_id=customer.tenant_id,
                order_number=self._new_name(),
                customer=customer,
                customer_name=customer.name,
            )
            session.add(order)
            session.commit()
            assert order.customer is customer
            return order.id

    def create_walk_in_order(self) -> None:
        with Session(self.engine) as session:
            name = self._new_name()
            tenant = self.random.choice(TENANTS)
            session.add(Order(tenant_id=tenant, order_number=name, customer_name="walk-in"))
            session.commit()

    def edit(self) -> None:
        with Session(self.engine) as session:
            customer = self._any_customer(session)
            customer.name = self._new_name()
            customer.phone = "0123456789"
            session.commit()

    def move(self) -> None:
        with Session(self.engine) as session:
            customer = self._any_customer(session)
            company = self._any_company(session, customer.tenant_id)
            # Never the one it has: what is not written is not held, and another client may move it.
            others = {None, company.id} - {customer.company_id}
            wanted = self.random.choice(sorted(others, key=bool))
            customer.company_id = wanted
            session.flush()
            session.refresh(customer)
            assert customer.company_id == wanted
            session.commit()

    def change_customer(self) -> None:
        with Session(self.engine) as session:
            order = session.get(Order, self.create_order())
            assert order is not None
            order.customer = self._any_customer(session, order.tenant_id)
            session.commit()

    def edit_under_lock(self) -> None:
        with Session(self.engine) as session:
            key = self._any_customer(session).id
            query = select(Customer).where(Customer.id == key).with_for_update()
            customer = session.scalars(query.execution_options(populate_existing=True)).one()
            customer.name = f"{customer.name[:40]}+"
            session.commit()

    def try_duplicate(self) -> None:
        """The second of two is refused in a savepoint, by the constraint that it knows."""
        with Session(self.engine) as session:
            first = self._new_customer(session, with_company=True)
            try:
                with session.begin_nested():
                    twin = Customer(tenant_id=first.tenant_id, name="Twin", email=first.email)
                    session.add(twin)
                    session.flush()
            except IntegrityError as error:
                told: Any = error.orig
                assert told.diag.constraint_name == "uq_customer_email_per_tenant"
            else:
                raise AssertionError("a second customer has the same e-mail")
            session.commit()

    def create_and_delete(self) -> None:
        with Session(self.engine) as session:
            customer = self._new_customer(session, with_company=False)
            session.commit()
            session.delete(customer)
            session.commit()

    def import_customers(self) -> None:
        lines = [
            f"{self.random.choice(TENANTS)}\t{name}\t{name}@import.example\n"
            for name in (self._new_name() for _ in range(5))
        ]
        with self.raw, self.raw.cursor() as cursor:
            columns = "customers (tenant_id, name, email)"
            cursor.copy_expert(f"COPY {columns} FROM STDIN", io.StringIO("".join(lines)))

    def prepared_reads(self) -> None:
        with self.raw, self.raw.cursor() as cursor:
            cursor.execute("EXECUTE customers_of (1)")
            customers = {row[0] for row in cursor.fetchall()}
            cursor.execute("EXECUTE customer_by_id (%s)", [min(customers)])
            assert cursor.fetchall()[0][0] in customers
            cursor.execute("EXECUTE orders_of (1)")
            assert all(name for _, customer, name in cursor.fetchall() if customer)

    def prepared_writes(self) -> None:
        customer, order = self.create_customer(), self.create_order()
        with self.raw, self.raw.cursor() as cursor:
            # Held first: SQL's EXECUTE takes its snapshot before it waits for a table's lock, so
            # one that waited for a rewrite would find the table empty.
            cursor.execute("SELECT id FROM customers WHERE id = %s FOR UPDATE", [customer])
            cursor.execute("SELECT id FROM orders WHERE id = %s FOR UPDATE", [order])
            cursor.execute("EXECUTE rename (%s, %s)", [customer, "Renamed"])
            assert cursor.rowcount == 1
            cursor.execute("EXECUTE reprice (%s, %s)", [order, 9.5])
            assert cursor.rowcount == 1
            cursor.execute("EXECUTE customer_by_id (%s)", [customer])
            assert cursor.fetchall()[0][2] == "Renamed"

    def _new_name(self) -> str:
        self.made += 1
        return f"{self.name}-{self.made}"

    def _new_customer(self, session: Session, *, with_company: bool) -> Customer:
        tenant, name = self.random.choice(TENANTS), self._new_name()
        customer = Customer(tenant_id=tenant, name=name, email=f"{name}@shop.example")
        if with_company:
            customer.company_id = self._any_company(session, tenant).id
        session.add(customer)
        session.flush()
        return customer

    def _any_company(self, session: Session, tenant: int) -> Company:
        found = session.scalars(select(Company).where(Company.tenant_id == tenant)).all()
        return self.random.choice(found)

    def _any_customer(self, session: Session, tenant: int | None = None) -> Customer:
        wanted = tenant or self.random.choice(TENANTS)
        keys = session.scalars(select(Customer.id).where(Customer.tenant_id == wanted)).all()
        # One that nobody deletes at this moment: the oldest ones stay.
        customer = session.get(Customer, self.random.choice(sorted(keys)[:15]))
        assert customer is not None
        return customer


def sees_the_bridge(application: LegacyApplication) -> bool:
    """Return whether names mean the bridge's views for it."""
    with Session(application.engine) as session:
        kind = session.scalar(text("SELECT relkind FROM pg_class WHERE oid = 'orders'::regclass"))
    return str(kind) == "v"
