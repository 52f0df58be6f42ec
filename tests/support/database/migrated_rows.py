"""A small migrated database, and what there is to settle in it."""

from django.contrib.contenttypes.models import ContentType

from tests.support.database.databases import Database

ROWS = """
INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum'), (2, 'Bijou', 'bijou');
INSERT INTO companies (id, tenant_id, name, is_default) VALUES
    (1, 1, 'Default Company', true), (2, 1, 'Ring & Co', false), (3, 2, 'Opal', false),
    (4, 1, 'Empty', false);
INSERT INTO contacts (id, tenant_id, company_id, name) VALUES
    (11, 1, 1, 'Ada'), (12, 1, 2, 'Ben'), (13, 2, 3, 'Cleo');
INSERT INTO orders (id, tenant_id, company_id, contact_id, order_number, customer_name) VALUES
    (21, 1, 1, 11, 'A-21', 'Ada'), (22, 1, 2, 12, 'A-22', 'Ben'), (23, 2, 3, 13, 'B-23', 'Cleo'),
    (24, 1, 1, NULL, 'A-24', 'walk-in');
INSERT INTO addresses (id, tenant_id, company_id, street_address, city, state, zip_code) VALUES
    (31, 1, 1, '1 Gold St', 'Rome', 'RM', '00100'), (32, 1, 1, '2 Gold St', 'Rome', 'RM', '00100'),
    (33, 2, 3, '3 Opal St', 'Oslo', 'OS', '01500');
"""
"""Address 31 is the default of company 1, which has 32 too; 33 is the only one of company 3."""

SIX = """
INSERT INTO contacts (id, tenant_id, company_id, name, email)
SELECT 200 + n, 1, 2, 'Person ' || n, 'person' || n || '@example.com'
  FROM generate_series(1, 6) AS n;
INSERT INTO orders (id, tenant_id, company_id, order_number, customer_name, customer_email)
SELECT 300 + n, 1, 1, 'S-' || n, 'someone', 'PERSON' || n || '@example.com'
  FROM generate_series(1, 6) AS n;
"""
"""Six contacts, and as many orders without one whose e-mail is theirs."""

TO_SETTLE = """
UPDATE contacts SET placed_in_company_id = 1, email = 'ada@example.com' WHERE id = 11;
UPDATE contacts SET email = 'ben@example.com', phone = '0123456789' WHERE id = 12;
INSERT INTO contacts (id, tenant_id, company_id, placed_in_company_id, name, email, email_set_aside)
VALUES (14, 1, 1, 1, 'Dan', NULL, 'ada@example.com'), (15, 1, 1, 1, 'Eve', 'ben@example.com', NULL);
SELECT setval('contacts_id_seq', 100), setval('companies_id_seq', 100),
       setval('orders_id_seq', 100), setval('addresses_id_seq', 100);
"""
"""In company 1 of tenant 1: 11 Ada (with order 21), 14 Dan, 15 Eve; 12 Ben, in company 2, has Eve's
e-mail. Order 24 has no contact. Contact 13 and company 3 belong to tenant 2."""


def fill(database: Database) -> Database:
    """Put ROWS into a migrated database and return it."""
    database.execute(ROWS)
    return database


def fill_to_settle(database: Database) -> None:
    """Put the rows to settle into a migrated database."""
    fill(database)
    database.execute(TO_SETTLE)
    ContentType.objects.clear_cache()
