"""A database at each stage of its life."""

from tests.cases.legacy_rows import ROWS
from tests.support.migrated_rows import ROWS as MIGRATED_ROWS

WRECK = """
ALTER TABLE customers RENAME TO contacts;
ALTER TABLE companies ADD COLUMN fax varchar(50), ADD COLUMN default_address_id integer;
CREATE TABLE addresses (
    id serial PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants ON DELETE CASCADE,
    company_id integer NOT NULL REFERENCES companies ON DELETE CASCADE,
    street_address varchar(255) NOT NULL, city varchar(100) NOT NULL, state varchar(50) NOT NULL,
    zip_code varchar(20) NOT NULL, country varchar(100) NOT NULL DEFAULT 'USA',
    is_default boolean NOT NULL DEFAULT false, created_at timestamp NOT NULL DEFAULT now());
ALTER TABLE orders ADD COLUMN company_id integer REFERENCES companies;
"""
"""What the former Alembic migration leaves when it dies: contacts renamed, orders not."""
STAGES = {
    "legacy": ("legacy", ROWS),
    "migrated": ("migrated", MIGRATED_ROWS),
    "partial": ("legacy", ROWS + WRECK),
    "empty": ("empty", "CREATE TABLE something_else (id integer)"),
    "unknown": ("legacy", ROWS + "ALTER TABLE orders ADD contact_id integer"),
}
"""The fixture to start from, and the SQL that leads from it to the stage."""
