"""Rows that a real legacy database holds and that a careless restructuring loses or breaks on."""

ROWS = r"""
INSERT INTO tenants (id, name, subdomain, is_active, created_at, updated_at) VALUES
    (1, 'Aurum', 'aurum', true, '2020-02-29 23:59:59.999999', NULL),
    (2, 'Bijou “№ 2”', 'bijou', NULL, 'infinity', '-infinity'),
    (3, 'nobody yet', 'empty', false, now(), now()),
    (4, 'Sparse', 'sparse', true, '0001-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999'),
    (5, 'orders only', 'loose', true, now(), now()),
    (2147483000, 'far out', 'far', true, now(), now());

INSERT INTO companies (id, tenant_id, name, address, phone, email, created_at) VALUES
    (1, 1, 'O''Hara & "Söhne"', E'1 Quote''s Road\nBack\\Yard\t', '', '',
     '2021-01-01 00:00:00.000001'),
    (7, 2, 'Default Company', NULL, NULL, NULL, NULL),
    (8, 1, 'default company', NULL, '+44 20 7946 0000', 'a@b.co', NULL),
    (9, 3, 'Default Company', NULL, NULL, NULL, NULL),
    (2147483000, 4, E'名前\n💍', NULL, NULL, NULL, NULL);
SELECT setval('companies_id_seq', 2147483100);

INSERT INTO customers (id, tenant_id, name, email, phone, company_id, created_at) VALUES
    (1, 1, 'Ada', 'ada@example.com', '0123456789', 1, '2021-06-01 12:00:00.123456'),
    (2, 1, 'Ben; DROP TABLE customers;--', 'ben@example.com', NULL, NULL, NULL),
    (3, 1, '', '', '', NULL, now()),
    (17, 2, 'Zoë', 'zoë@example.com', '12', NULL, now()),
    (18, 2, E'new\nline', 'no at sign', '0123456789', 7, now()),
    (40, 4, '%s {0} $1 \N', 'x@y.museum', '0123456789', NULL, now()),
    (2147483000, 4, 'last', 'last@example.com', NULL, 2147483000, now());

INSERT INTO orders (id, tenant_id, order_number, customer_id, customer_name, customer_email,
                    customer_phone, product_description, specifications, quantity, price, status,
                    due_date, metal_type, target_weight_per_piece, initial_total_weight,
                    created_at, updated_at) VALUES
    (1, 1, 'A-1', 1, 'Ada', NULL, '', E'ring\n"A"', '', NULL, 'NaN', 'PENDING', NULL, NULL,
     'Infinity', '-Infinity', '2021-06-01 12:00:00.000001', NULL),
    (2, 1, 'A-2', 2, 'Ben', '', NULL, NULL, NULL, 1, -0.0, 'CANCELLED', 'infinity', 'OTHER',
     1e-307, 1.7976931348623157e308, NULL, '-infinity'),
    (3, 1, 'A-3', NULL, 'walk-in', NULL, NULL, NULL, NULL, -1, 0.1, NULL, NULL, 'PLATINUM', NULL,
     NULL, now(), now()),
    (30, 2, 'B-1', 17, 'Zoë', NULL, NULL, NULL, NULL, 1, 100.01, 'SHIPPED', NULL, 'GOLD_24K', NULL,
     NULL, now(), now()),
    (31, 2, 'B-2', 18, 'Zoë', NULL, NULL, NULL, NULL, 1, 1, 'COMPLETED', NULL, 'SILVER_925', NULL,
     NULL, now(), now()),
    (50, 5, 'E-1', NULL, '名前', NULL, NULL, NULL, NULL, 1, 1, 'IN_PROGRESS', NULL, NULL, NULL,
     NULL, now(), now()),
    (2147483000, 4, 'D-1', 2147483000, 'last', NULL, NULL, '', '', 2147483647, 1, 'PENDING', NULL,
     NULL, NULL, NULL, now(), now());

INSERT INTO users (tenant_id, email, hashed_password) VALUES (1, 'clerk@example.com', 'x');
INSERT INTO manufacturing_steps (id, tenant_id, order_id, parent_step_id, description) VALUES
    (1, 1, 1, NULL, 'cast'), (2, 1, 1, 1, NULL);
INSERT INTO shipments (tenant_id, order_id, tracking_number, shipped_at) VALUES
    (1, 2, 'T-1', '2021-06-02 00:00:00.5'), (4, 2147483000, NULL, NULL);
"""
"""Tenant 1 has orphans and no Default Company (company 8's name differs), tenant 2 reuses its own.
Tenant 3 has one that nothing is placed in, tenant 4 has an orphan without orders, tenant 5 only an
order without a customer, and 2147483000 nothing."""

BREAKING = {
    "ck_contacts_email_format": [3, 18],
    "ck_contacts_phone_format": [3, 17],
    "ck_companies_email_format": [1],
    "ck_companies_phone_format": [1],
}
"""The ids of the rows that break each check rule."""

DUPLICATES = """
ALTER TABLE customers DROP CONSTRAINT uq_customer_email_per_tenant;
INSERT INTO customers (id, tenant_id, name, email, company_id) VALUES
    (101, 1, 'in another company', 'ada@example.com', NULL),
    (102, 1, 'with 101', 'ada@example.com', NULL),
    (103, 1, 'with 2', 'ben@example.com', NULL),
    (104, 1, 'with 2 and 103', 'ben@example.com', NULL),
    (105, 2, 'of another tenant', 'ada@example.com', NULL),
    (106, 2, 'meets 105 in the company that was there', 'ada@example.com', 7),
    (107, 1, 'other case', 'BEN@example.com', NULL);
"""
SET_ASIDE = {
    102: "ada@example.com",
    103: "ben@example.com",
    104: "ben@example.com",
    106: "ada@example.com",
}
"""What DUPLICATES leaves set aside on top of ROWS: the lowest id keeps its e-mail."""
