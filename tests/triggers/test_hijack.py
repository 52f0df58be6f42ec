"""Nobody's operator or function gets to run with the rights of the triggers' owner.

Where others may create in the tables' schema, theirs would win over the server's if its arguments
fitted better: so each that the triggers use gets twins of every kind that could.
"""

import itertools
import re

import pytest

from tests.support.database.databases import Database
from tests.support.database.invariants import add_address, assert_refused, assert_rules_hold
from tests.support.database.migrated_rows import ROWS

TYPES = ("integer", "bigint", "smallint", "text", "varchar", "boolean", "name", "anyelement")
OPERATORS = ("=", "<>", ">", "<", "||", "-", "+")
KEYWORDS = {"coalesce", "exists", "from", "if", "in", "not", "noted", "or", "and", "where"}
"""What may stand before a parenthesis and is no function."""
BODIES = "SELECT proname, prosrc FROM pg_proc WHERE proname LIKE 'trg\\_%'"


def twin(name: str, arguments: tuple[str, ...], result: str) -> str:
    return (
        f"CREATE FUNCTION public.{name}({', '.join(arguments)}) RETURNS {result} "
        "LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked'; END $$;"
    )


def hostile_operators() -> str:
    made = []
    pairs = itertools.product(OPERATORS, TYPES, TYPES)
    for number, (operator, left, right) in enumerate(pairs):
        result = {"||": "text", "-": "bigint", "+": "bigint"}.get(operator, "boolean")
        function = f"twin_{number}"
        made.append(twin(function, (left, right), result))
        made.append(
            f"CREATE OPERATOR public.{operator} (FUNCTION = public.{function}, "
            f"LEFTARG = {left}, RIGHTARG = {right});"
        )
    return "".join(made)


def functions_used(database: Database) -> set[str]:
    bodies = " ".join(body for _, body in database.fetch(BODIES))
    return set(re.findall(r"pg_catalog\.(\w+)\(", bodies))


def hostile_functions(names: set[str]) -> str:
    signatures: list[tuple[str, ...]] = [
        *((kind,) for kind in TYPES),
        *itertools.product(("text", "varchar"), ("text", "boolean", "integer", "bigint")),
        *(("text", "text", kind) for kind in ("text", "boolean")),
        *(("text", *("integer",) * count) for count in range(2, 6)),
        *(("text", *("integer",) * count, "text") for count in range(2, 6)),
    ]
    return "".join(
        twin(name, signature, "text") for name in sorted(names) for signature in signatures
    )


WRITES = (
    "UPDATE contacts SET company_id = 4 WHERE id = 11",
    "UPDATE contacts SET id = 15 WHERE id = 14",
    "INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (16, 1, 4, 'Fay')",
    "INSERT INTO orders (id, tenant_id, contact_id, order_number) VALUES (28, 1, 12, 'A-28')",
    "INSERT INTO orders (id, tenant_id, order_number) VALUES (27, 1, 'A-27')",
    "UPDATE orders SET company_id = 2 WHERE id = 24",
    "UPDATE addresses SET is_default = (id = 32) WHERE company_id = 1",
    "UPDATE companies SET default_address_id = 31 WHERE id = 1",
    "UPDATE addresses SET company_id = 2 WHERE id = 32",
    "DELETE FROM addresses WHERE id = 31",
    add_address(41, company=1),
    add_address(42, company=1, default="true"),
    add_address(42, company=1, default="true") + " ON CONFLICT DO NOTHING",
    "UPDATE companies SET tenant_id = 2, id = 8 WHERE id = 5",
    "DELETE FROM companies WHERE id = 8",
)
REFUSALS = (
    (
        "UPDATE companies SET tenant_id = 2 WHERE id = 1",
        "Company 1 (tenant 1) cannot move to tenant 2: it still has "
        "address 41 and 1 more, contact 15, order 27",
    ),
    (
        "DELETE FROM companies WHERE id = 4",
        "Company 4 (tenant 1) cannot be deleted: it still has contact 11 and 1 more",
    ),
    (
        "UPDATE contacts SET tenant_id = 2, company_id = 3 WHERE id = 12",
        "Contact 12 (tenant 1) cannot move to tenant 2: it still has order 22 (tenant 1) "
        "and 1 more",
    ),
    (
        "UPDATE contacts SET company_id = 3 WHERE id = 12",
        "Contact 12 (tenant 1) cannot belong to company 3 (tenant 2)",
    ),
    (
        "UPDATE orders SET company_id = 1 WHERE id = 22",
        "Order 22 (tenant 1) cannot belong to company 1: its contact 12 belongs to company 2",
    ),
    (
        "DELETE FROM addresses WHERE id = 42",
        "Address 42 cannot be deleted: it is the default of company 1 (tenant 1), "
        "which still has address 41",
    ),
    (
        "UPDATE companies SET default_address_id = 33 WHERE id = 1",
        "Company 1 (tenant 1) cannot have address 33 as its default: "
        "that belongs to company 3 (tenant 2)",
    ),
)


def test_hostile_twins_of_operators_and_functions_never_run(migrated: Database) -> None:
    migrated.execute(ROWS)
    migrated.execute("ALTER TABLE orders ALTER customer_name DROP NOT NULL")
    migrated.execute("""
        INSERT INTO companies (id, tenant_id, name) VALUES (5, 1, 'Free');
        INSERT INTO contacts (id, tenant_id, company_id, name) VALUES (14, 1, 1, 'Dan')""")
    migrated.execute(hostile_operators())
    migrated.execute(hostile_functions(functions_used(migrated)))

    for statement in WRITES:
        migrated.execute(statement)
    for statement, message in REFUSALS:
        sqlstate = "23514" if "belong" in message else "23001"
        assert_refused(migrated, statement, message, sqlstate)
    assert_rules_hold(migrated)


def test_twins_are_hostile(migrated: Database) -> None:
    migrated.execute(hostile_operators())

    with pytest.raises(Exception, match="hijacked"):
        migrated.execute("SELECT 'contact '::text || 1")


def test_every_function_that_a_body_calls_is_the_servers_own(migrated: Database) -> None:
    loose = [
        (name, called)
        for name, body in migrated.fetch(BODIES)
        for called in re.findall(r"(?<![\w.])([a-z_]+)\s*\(", re.sub(r"'[^']*'", "''", body))
        if called not in KEYWORDS
    ]

    assert loose == []
