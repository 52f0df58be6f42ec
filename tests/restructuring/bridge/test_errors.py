"""What an application is told when it is refused: what the legacy schema would have told it."""

from pathlib import Path

import pytest

from tests.support.database.databases import Database
from tests.support.runs.bridge import make_bridge, refusal, rows, session
from tests.support.runs.command import assert_migrates

pytestmark = pytest.mark.slow

REFUSED = {
    "a second e-mail in another company of the tenant": (
        "INSERT INTO customers (tenant_id, name, email, company_id) "
        "SELECT c.tenant_id, 'Twin', c.email, "
        "(SELECT max(id) FROM companies WHERE tenant_id = c.tenant_id AND id <> c.company_id) "
        "FROM customers c WHERE c.company_id IS NOT NULL ORDER BY c.id LIMIT 1"
    ),
    "a second e-mail in the same company": (
        "INSERT INTO customers (tenant_id, name, email, company_id) "
        "SELECT tenant_id, 'Twin', email, company_id FROM customers ORDER BY id LIMIT 1"
    ),
    "an e-mail changed to one that is there": (
        "UPDATE customers SET email = (SELECT email FROM customers WHERE tenant_id = 1 "
        "ORDER BY id DESC LIMIT 1) WHERE id = (SELECT min(id) FROM customers WHERE tenant_id = 1)"
    ),
    "an id that is taken": (
        "INSERT INTO customers (id, tenant_id, name, email) VALUES (1, 1, 'Twin', 'twin@x.example')"
    ),
    "a customer of no tenant": (
        "INSERT INTO customers (tenant_id, name, email) VALUES (999, 'Ada', 'ada@x.example')"
    ),
    "a customer of no tenant, with a company": (
        "INSERT INTO customers (tenant_id, name, email, company_id) "
        "VALUES (999, 'Ada', 'ada@x.example', 999)"
    ),
    "a customer of no company": (
        "INSERT INTO customers (tenant_id, name, email, company_id) "
        "VALUES (1, 'Ada', 'ada@x.example', 99999)"
    ),
    "a customer moved to no company": "UPDATE customers SET company_id = 99999 WHERE id = 1",
    "a customer without a tenant": (
        "INSERT INTO customers (tenant_id, name, email) VALUES (NULL, 'Ada', 'ada@x.example')"
    ),
    "a customer without a name": (
        "INSERT INTO customers (tenant_id, name, email) VALUES (1, NULL, 'ada@x.example')"
    ),
    "a customer without an e-mail": (
        "INSERT INTO customers (tenant_id, name, email) VALUES (1, 'Ada', NULL)"
    ),
    "an e-mail taken away": "UPDATE customers SET email = NULL WHERE id = 1",
    "a name taken away": "UPDATE customers SET name = NULL WHERE id = 1",
    "a customer deleted who has orders": (
        "DELETE FROM customers WHERE id = (SELECT min(customer_id) FROM orders)"
    ),
    "an id changed to which orders refer": (
        "UPDATE customers SET id = 99999 WHERE id = (SELECT min(customer_id) FROM orders)"
    ),
    "an order of no customer": (
        "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name) "
        "VALUES (1, 'X-1', 99999, 'Ada')"
    ),
    "an order moved to no customer": (
        "UPDATE orders SET customer_id = 99999 WHERE id = (SELECT min(id) FROM orders)"
    ),
    "an order of no tenant": (
        "INSERT INTO orders (tenant_id, order_number, customer_name) VALUES (999, 'X-1', 'Ada')"
    ),
    "an order without a tenant": (
        "INSERT INTO orders (tenant_id, order_number, customer_name) VALUES (NULL, 'X-1', 'Ada')"
    ),
    "an order number that is taken": (
        "INSERT INTO orders (tenant_id, order_number, customer_id, customer_name) "
        "SELECT tenant_id, order_number, customer_id, 'Ada' FROM orders ORDER BY id LIMIT 1"
    ),
    "a status that is none": "UPDATE orders SET status = 'LOST' WHERE id = 1",
    "an order deleted that has a shipment": (
        "DELETE FROM orders WHERE id = (SELECT min(order_id) FROM shipments)"
    ),
    "a company deleted that has customers": (
        "DELETE FROM companies WHERE id = (SELECT min(company_id) FROM customers)"
    ),
    "a column that is none": "SELECT contact_id FROM orders",
}


def test_refusals_say_what_the_legacy_schema_said(sample: Database, tmp_path: Path) -> None:
    with session(sample) as application:
        before = {what: refusal(application, statement) for what, statement in REFUSED.items()}
    assert_migrates(tmp_path)
    make_bridge()
    with session(sample) as application:
        after = {what: refusal(application, statement) for what, statement in REFUSED.items()}
    assert after == before


@pytest.mark.parametrize(
    ("drift", "statement"),
    [
        (
            "ALTER TABLE customers RENAME CONSTRAINT uq_customer_email_per_tenant TO one_email",
            REFUSED["a second e-mail in the same company"],
        ),
        (
            "ALTER TABLE customers RENAME CONSTRAINT customers_tenant_id_fkey TO of_a_tenant",
            REFUSED["a customer of no tenant"],
        ),
        (
            "ALTER TABLE orders RENAME CONSTRAINT orders_customer_id_fkey TO of_a_customer",
            REFUSED["an order of no customer"],
        ),
        (
            "ALTER TABLE customers RENAME CONSTRAINT customers_company_id_fkey TO of_a_company",
            REFUSED["a company deleted that has customers"],
        ),
        (
            "ALTER TABLE customers ADD CONSTRAINT a_name CHECK (name <> 'Nobody')",
            "UPDATE customers SET name = 'Nobody' WHERE id = 1",
        ),
        (
            "CREATE UNIQUE INDEX names ON customers (tenant_id, lower(name), id)",
            "UPDATE customers SET name = NULL WHERE id = 1",
        ),
    ],
)
def test_constraints_keep_the_names_that_the_drifted_table_had(
    sample: Database, tmp_path: Path, drift: str, statement: str
) -> None:
    sample.execute(drift)
    with session(sample) as application:
        before = refusal(application, statement)
    assert_migrates(tmp_path)
    make_bridge()
    with session(sample) as application:
        assert refusal(application, statement) == before


def test_an_email_may_stand_twice_where_the_legacy_table_let_it(
    sample: Database, tmp_path: Path
) -> None:
    sample.execute("ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant")
    assert_migrates(tmp_path)
    make_bridge()
    with session(sample) as application:
        statement = REFUSED["a second e-mail in another company of the tenant"]
        assert rows(application, f"{statement} RETURNING name") == [("Twin",)]


@pytest.mark.parametrize(
    ("on_delete", "left"), [("SET NULL", "orders without customers"), ("CASCADE", "no orders")]
)
def test_orders_of_a_deleted_customer_go_as_the_legacy_key_said(
    sample: Database, tmp_path: Path, on_delete: str, left: str
) -> None:
    sample.execute(
        "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey, "
        "ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) "
        f"REFERENCES customers (id) ON DELETE {on_delete}; "
        "TRUNCATE shipments, manufacturing_steps"
    )
    assert_migrates(tmp_path)
    make_bridge()
    with session(sample) as application:
        ((customer, order),) = rows(
            application, "SELECT customer_id, id FROM orders WHERE customer_id IS NOT NULL LIMIT 1"
        )
        rows(application, "DELETE FROM customers WHERE id = %s", [customer])
        found = rows(application, "SELECT customer_id FROM orders WHERE id = %s", [order])
    assert found == {"orders without customers": [(None,)], "no orders": []}[left]
