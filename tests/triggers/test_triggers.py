"""The rules between tenants, companies, contacts and orders, tried through raw SQL."""

import psycopg2
import pytest
from django.db import IntegrityError

from contacts.models import Contact
from tests.support.database.databases import Database
from tests.support.database.invariants import (
    CHECK,
    FOREIGN_KEY,
    RESTRICT,
    assert_refused,
    assert_rules_hold,
)


def order(columns: str, values: str) -> str:
    return (
        f"INSERT INTO orders (id, order_number, customer_name, {columns}) "
        f"VALUES (29, 'A-29', 'New', {values})"
    )


REFUSED = {
    "contact_of_another_tenant_is_added": (
        "INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (17, 2, 1, 'Eve')",
        "Contact 17 (tenant 2) cannot belong to company 1 (tenant 1)",
        CHECK,
    ),
    "contact_moves_to_another_tenants_company": (
        "UPDATE contacts SET company_id = 3 WHERE id = 11",
        "Contact 11 (tenant 1) cannot belong to company 3 (tenant 2)",
        CHECK,
    ),
    "contact_without_orders_changes_only_its_tenant": (
        "DELETE FROM orders; UPDATE contacts SET tenant_id = 2 WHERE id = 11",
        "Contact 11 (tenant 2) cannot belong to company 1 (tenant 1)",
        CHECK,
    ),
    "contact_with_orders_changes_its_tenant": (
        "UPDATE contacts SET tenant_id = 2, company_id = 3 WHERE id = 11",
        "Contact 11 (tenant 1) cannot move to tenant 2: it still has order 21 (tenant 1)",
        RESTRICT,
    ),
    "order_of_another_tenants_contact_is_added": (
        order("tenant_id, contact_id", "2, 11"),
        "Order 29 (tenant 2) cannot belong to contact 11 (tenant 1)",
        CHECK,
    ),
    "order_of_another_company_than_its_contact_is_added": (
        order("tenant_id, contact_id, company_id", "1, 11, 2"),
        "Order 29 (tenant 1) cannot belong to company 2: its contact 11 belongs to company 1",
        CHECK,
    ),
    "order_of_another_tenants_company_is_added": (
        order("tenant_id, company_id", "1, 3"),
        "Order 29 (tenant 1) cannot belong to company 3 (tenant 2)",
        CHECK,
    ),
    "order_names_nobody_and_its_tenant_has_no_default_company": (
        order("tenant_id", "2"),
        "Order 29 names neither a contact nor a company, and tenant 2 has no default company",
        CHECK,
    ),
    "order_leaves_its_contacts_company": (
        "UPDATE orders SET company_id = 2 WHERE id = 21",
        "Order 21 (tenant 1) cannot belong to company 2: its contact 11 belongs to company 1",
        CHECK,
    ),
    "order_takes_a_contact_of_another_company": (
        "UPDATE orders SET contact_id = 12 WHERE id = 24",
        "Order 24 (tenant 1) cannot belong to company 1: its contact 12 belongs to company 2",
        CHECK,
    ),
    "order_takes_a_contact_of_another_tenant": (
        "UPDATE orders SET contact_id = 13, company_id = 3 WHERE id = 24",
        "Order 24 (tenant 1) cannot belong to contact 13 (tenant 2)",
        CHECK,
    ),
    "order_changes_its_tenant": (
        "UPDATE orders SET tenant_id = 2 WHERE id = 24",
        "Order 24 (tenant 2) cannot belong to company 1 (tenant 1)",
        CHECK,
    ),
    "order_without_contact_moves_to_another_tenants_company": (
        "UPDATE orders SET company_id = 3 WHERE id = 24",
        "Order 24 (tenant 1) cannot belong to company 3 (tenant 2)",
        CHECK,
    ),
    "company_with_contacts_is_deleted": (
        "DELETE FROM companies WHERE id = 2",
        "Company 2 (tenant 1) cannot be deleted: it still has contact 12",
        RESTRICT,
    ),
    "company_with_many_contacts_is_deleted": (
        "UPDATE contacts SET company_id = 1 WHERE id = 12; DELETE FROM companies WHERE id = 1",
        "Company 1 (tenant 1) cannot be deleted: it still has contact 11 and 1 more",
        RESTRICT,
    ),
    "company_with_everything_moves_to_another_tenant": (
        "UPDATE companies SET tenant_id = 2 WHERE id = 1",
        "Company 1 (tenant 1) cannot move to tenant 2: it still has "
        "address 31 and 1 more, contact 11, order 21 and 1 more",
        RESTRICT,
    ),
    "company_that_others_depend_on_changes_its_id": (
        "UPDATE companies SET id = 9 WHERE id = 1",
        "Company 1 (tenant 1) cannot become company 9: it still has "
        "address 31 and 1 more, contact 11, order 21 and 1 more",
        RESTRICT,
    ),
    "contact_with_orders_changes_its_id": (
        "UPDATE contacts SET id = 19 WHERE id = 11",
        "Contact 11 (tenant 1) cannot become contact 19: it still has order 21 (tenant 1)",
        RESTRICT,
    ),
    "contacts_company_is_missing": (
        "UPDATE contacts SET company_id = 99 WHERE id = 11",
        "Contact 11 (tenant 1) names company 99, which does not exist",
        FOREIGN_KEY,
    ),
    "contact_of_a_company_that_comes_in_the_same_statement": (
        "WITH added AS (INSERT INTO companies (id, tenant_id, name) VALUES (9, 2, 'New')) "
        "INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (17, 1, 9, 'Eve')",
        "Contact 17 (tenant 1) names company 9, which does not exist",
        FOREIGN_KEY,
    ),
    "orders_company_is_missing": (
        "UPDATE orders SET company_id = 99 WHERE id = 24",
        "Order 24 (tenant 1) names company 99, which does not exist",
        FOREIGN_KEY,
    ),
    "company_with_only_orders_moves_to_another_tenant": (
        "DELETE FROM addresses; DELETE FROM contacts; "
        "UPDATE companies SET tenant_id = 2 WHERE id = 2",
        "Company 2 (tenant 1) cannot move to tenant 2: it still has order 22",
        RESTRICT,
    ),
}


@pytest.mark.parametrize(("statement", "message", "sqlstate"), REFUSED.values(), ids=REFUSED)
def test_forbidden_write_is_refused(
    shop: Database, statement: str, message: str, sqlstate: str
) -> None:
    assert_refused(shop, statement, message, sqlstate)


def test_refusal_names_table_rule_and_next_step(shop: Database) -> None:
    statement, message, _ = REFUSED["order_takes_a_contact_of_another_company"]

    diagnosis = assert_refused(shop, statement, message).diag

    assert diagnosis.table_name == "orders"
    assert diagnosis.constraint_name == "trg_validate_order_relationships"
    assert "Set company_id = 2 in the same statement" in str(diagnosis.message_hint)


def test_django_raises_integrity_error(shop: Database) -> None:
    contact = Contact.objects.get(pk=11)
    contact.company_id = 3

    with pytest.raises(IntegrityError, match=r"Contact 11 \(tenant 1\) cannot belong to company 3"):
        contact.save()


def test_refused_through_any_column_list_and_by_statement_of_many_rows(shop: Database) -> None:
    assert_refused(
        shop,
        "UPDATE contacts SET name = name || '!', company_id = 3",
        "Contact 11 (tenant 1) cannot belong to company 3 (tenant 2)",
    )
    assert shop.value("SELECT count(*) FROM contacts WHERE name LIKE '%!'") == 0


@pytest.mark.parametrize(
    ("columns", "values", "company"),
    [
        ("tenant_id, contact_id", "1, 12", 2),
        ("tenant_id, contact_id, company_id", "1, 12, 2", 2),
        ("tenant_id, company_id", "1, 2", 2),
        ("tenant_id", "1", 1),
    ],
    ids=["contact", "contact_and_company", "company", "neither"],
)
def test_new_order_finds_its_company(
    shop: Database, columns: str, values: str, company: int
) -> None:
    shop.execute(order(columns, values))

    assert shop.value("SELECT company_id FROM orders WHERE id = 29") == company


def test_new_order_of_a_missing_contact_is_refused(shop: Database) -> None:
    assert_refused(
        shop,
        order("tenant_id, contact_id", "1, 99"),
        "Order 29 (tenant 1) names contact 99, which does not exist",
        "23503",
    )


@pytest.mark.parametrize(
    "statement",
    [
        order("tenant_id", "NULL"),
        "UPDATE orders SET company_id = NULL WHERE id = 24",
        "UPDATE contacts SET company_id = NULL WHERE id = 11",
        "UPDATE contacts SET tenant_id = NULL WHERE id = 12",
        "UPDATE companies SET tenant_id = NULL WHERE id = 4",
    ],
)
def test_null_is_left_to_not_null(shop: Database, statement: str) -> None:
    with pytest.raises(psycopg2.errors.NotNullViolation):
        shop.execute(statement)


def test_order_takes_contact_and_company_in_one_statement(shop: Database) -> None:
    shop.execute("UPDATE orders SET contact_id = 12, company_id = 2 WHERE id = 24")

    assert_rules_hold(shop)


def test_order_without_contact_may_change_company(shop: Database) -> None:
    shop.execute("UPDATE orders SET company_id = 2 WHERE id = 24")

    assert_rules_hold(shop)


def test_deleted_contact_leaves_its_orders_where_they_are(shop: Database) -> None:
    shop.execute("DELETE FROM contacts WHERE id = 12")

    assert shop.fetch("SELECT contact_id, company_id FROM orders WHERE id = 22") == [(None, 2)]


def test_orders_move_with_their_contact(shop: Database) -> None:
    shop.execute("UPDATE contacts SET company_id = 4 WHERE tenant_id = 1")

    assert shop.fetch("SELECT id, company_id FROM orders ORDER BY id") == [
        (21, 4), (22, 4), (23, 3), (24, 1),
    ]  # fmt: skip


def test_contacts_that_swap_companies_swap_their_orders(shop: Database) -> None:
    shop.execute("UPDATE contacts SET company_id = 3 - company_id WHERE tenant_id = 1")

    assert shop.fetch("SELECT id, company_id FROM orders ORDER BY id") == [
        (21, 2), (22, 1), (23, 3), (24, 1),
    ]  # fmt: skip


def test_other_changes_of_a_contact_touch_no_order(shop: Database) -> None:
    before = shop.fetch("SELECT id, xmin::text, ctid::text FROM orders ORDER BY id")
    locks = (
        "SELECT count(*) FROM pg_locks"
        " WHERE relation = 'orders'::regclass AND pid = pg_backend_pid()"
    )
    connection = shop.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "BEGIN; UPDATE contacts SET phone = '0123456789', company_id = company_id"
            )
            cursor.execute(locks)
            found = cursor.fetchone()
            cursor.execute("COMMIT")
    finally:
        connection.close()

    assert found == (0,)
    assert shop.fetch("SELECT id, xmin::text, ctid::text FROM orders ORDER BY id") == before


def test_contact_without_orders_moves_to_another_tenant(shop: Database) -> None:
    shop.execute("DELETE FROM orders; UPDATE contacts SET tenant_id = 2, company_id = 3")

    assert_rules_hold(shop)


def test_company_that_nothing_depends_on_changes_tenant_and_is_deleted(shop: Database) -> None:
    shop.execute("UPDATE companies SET tenant_id = 2 WHERE id = 4")
    shop.execute("DELETE FROM companies WHERE id = 4")

    assert shop.value("SELECT count(*) FROM companies") == 3


def test_company_with_orders_alone_is_kept_by_the_foreign_key(shop: Database) -> None:
    shop.execute("DELETE FROM contacts")

    with pytest.raises(psycopg2.IntegrityError, match="fk_orders_company"):
        shop.execute("DELETE FROM companies WHERE id = 2")
