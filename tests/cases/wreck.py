"""The wreck that the former Alembic migration leaves, and the rows it was made of."""

from pathlib import Path

from tests.cases import awkward

WRECK = Path(__file__).with_name("partial_state.sql")
"""What that migration has committed when it dies, to be run on ROWS."""
ROWS = f"""{awkward.ROWS}
    UPDATE customers SET company_id = 7 WHERE id = 17;
    INSERT INTO tenants (id, name, subdomain) VALUES (6, 'Sixth', 'sixth');
    INSERT INTO companies (id, tenant_id, name, created_at, updated_at)
        VALUES (60, 6, 'Default Company', '2021-01-01', '2021-01-01');
    INSERT INTO customers (id, tenant_id, name, email, company_id, created_at)
        VALUES (60, 6, 'at home there', 'sixth@example.com', 60, '2022-01-01')
"""
"""It died earlier where a tenant had both a Default Company and an orphan. Tenants 2 and 6 have one
that people made and use; nobody knows when that of tenant 2 was made."""
