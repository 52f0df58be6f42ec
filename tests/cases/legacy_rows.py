"""A small legacy database, and what a role needs there."""

ROWS = """
INSERT INTO tenants (id, name, subdomain) VALUES (1, 'Aurum', 'aurum'), (2, 'Bijou', 'bijou');
INSERT INTO companies (id, tenant_id, name) VALUES (1, 1, 'Ring & Co'), (2, 2, 'Opal');
INSERT INTO customers (id, tenant_id, name, email, company_id) VALUES
    (11, 1, 'Ada', 'ada@example.com', 1), (12, 2, 'Ben', 'ben@example.com', 2);
INSERT INTO orders (id, tenant_id, order_number, customer_id, customer_name) VALUES
    (21, 1, 'A-21', 11, 'Ada'), (22, 2, 'B-22', 12, 'Ben');
"""
"""Nothing to warn of but Alembic's record."""
ORPHAN = (
    """INSERT INTO customers (id, tenant_id, name, email) VALUES (13, 1, 'Cleo', 'c@example.com')"""
)

OWN_TABLES = """
ALTER TABLE tenants OWNER TO {role}; ALTER TABLE companies OWNER TO {role};
ALTER TABLE customers OWNER TO {role}; ALTER TABLE orders OWNER TO {role};
"""
READ_TABLES = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
CREATE = "GRANT CREATE ON SCHEMA public TO {role};"
