"""A database at each stage of its life."""

from tests.cases.legacy_rows import ROWS
from tests.support.database.migrated_rows import ROWS as MIGRATED_ROWS

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
PREPARED = """
CREATE TABLE jmsk_preparation (phase text NOT NULL, notes jsonb NOT NULL, started timestamptz
    NOT NULL DEFAULT now(), touched timestamptz NOT NULL DEFAULT now());
INSERT INTO jmsk_preparation VALUES
    ('install', '{"columns": {}, "indexes": [], "sequence": [1, false]}');
CREATE TABLE jmsk_preparation_journal (table_name text, operation "char", links boolean,
    id bigint, plus bigint, minus bigint);
CREATE TABLE jmsk_preparation_base (table_name text, rows bigint, digest numeric);
CREATE TABLE jmsk_preparation_defaults (tenant_id integer, company_id integer, reused boolean);
CREATE TABLE jmsk_preparation_pending (order_id bigint);
"""
"""A preparation that has only just begun."""
STAGES = {
    "legacy": ("legacy", ROWS),
    "prepared": ("legacy", ROWS + PREPARED),
    "migrated": ("migrated", MIGRATED_ROWS),
    "partial": ("legacy", ROWS + WRECK),
    "empty": ("empty", "CREATE TABLE something_else (id integer)"),
    "unknown": ("legacy", ROWS + "ALTER TABLE orders ADD contact_id integer"),
}
"""The fixture to start from, and the SQL that leads from it to the stage."""
