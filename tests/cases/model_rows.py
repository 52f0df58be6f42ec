"""A value for every column of every model, for the tests of the models and their fields."""

from datetime import UTC, datetime
from typing import Any

from django.db import models

from companies.models import Address, Company, Tenant
from contacts.models import Contact
from orders.models import MetalType, Order, OrderStatus
from tests.support.database.databases import Database
from tests.support.database.migrated_rows import fill

MOMENT = datetime(2024, 3, 31, 1, 59, 59, 123456, tzinfo=UTC)
"""With microseconds, and in an hour that local clocks in Europe skip."""

COMPANY: dict[str, Any] = {
    "tenant_id": 1,
    "name": 'Ŧiffany\'s "Gold"\n& Söhne',
    "address": "1 Free Text\nBack Yard",
    "phone": "+49 30 1234567",
    "email": "info@example.com",
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "fax": "+49 30 1234568",
    "is_default": False,
}
ORDER: dict[str, Any] = {
    "tenant_id": 1,
    "contact_id": 11,
    "company_id": 1,
    "customer_name": "Ada, as she was called then",
    "customer_email": "",
    "customer_phone": None,
    "product_description": "ring 💍",
    "specifications": "\\ ' \" \t",
    "quantity": 0,
    "price": float("inf"),
    "status": OrderStatus.SHIPPED,
    "due_date": MOMENT,
    "metal_type": MetalType.GOLD_14K,
    "target_weight_per_piece": 0.1,
    "initial_total_weight": -0.0,
    "created_at": MOMENT,
    "updated_at": MOMENT,
}
ROWS: dict[type[models.Model], dict[str, Any]] = {
    Tenant: {
        "name": "Perle",
        "subdomain": "perle-{}",
        "is_active": None,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    Company: {**COMPANY, "name": COMPANY["name"] + "{}"},
    Contact: {
        "tenant_id": 1,
        "name": "Zoë O'Hara",
        "email": "zoe-{}@example.com",
        "phone": "0123456789",
        "company_id": 2,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "placed_in_company_id": 1,
        "email_set_aside": "zoe@example.com",
    },
    Order: {**ORDER, "order_number": "N-{}"},
    Address: {
        "tenant_id": 1,
        "company_id": 1,
        "street_address": "1 High St",
        "city": "Göteborg",
        "state": "VG",
        "zip_code": "41101",
        "country": "Sverige",
        "is_default": False,
        "created_at": MOMENT,
    },
}
"""A value for every column but the key; '{}' stands for a number, where values must differ."""
MODELS = list(ROWS)


def fill_for_models(database: Database) -> Database:
    """Put the rows of migrated_rows into a migrated database; new keys start beyond theirs."""
    fill(database)
    for model in MODELS:
        database.execute(f"ALTER SEQUENCE {model._meta.db_table}_id_seq RESTART WITH 101")
    return database


def values(model: type[models.Model], number: int) -> dict[str, Any]:
    """Return the row of ``model`` with this number."""
    return {
        name: value.format(number) if isinstance(value, str) else value
        for name, value in ROWS[model].items()
    }
