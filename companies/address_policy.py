"""The row-level security of addresses: where companies has it, an address follows its company."""

POLICY = "addresses_of_visible_companies"
CONDITION = "EXISTS (SELECT 1 FROM companies WHERE companies.id = addresses.company_id)"
"""The policies of companies decide: whoever sees the company sees and writes its addresses."""

FOLLOW_COMPANIES = f"""
DO $$
DECLARE
    companies record;
BEGIN
    SELECT relrowsecurity, relforcerowsecurity INTO STRICT companies
    FROM pg_class WHERE oid = to_regclass('companies');
    IF NOT companies.relrowsecurity THEN
        RETURN;
    END IF;
    ALTER TABLE addresses ENABLE ROW LEVEL SECURITY;
    CREATE POLICY {POLICY} ON addresses USING ({CONDITION});
    IF companies.relforcerowsecurity THEN
        ALTER TABLE addresses FORCE ROW LEVEL SECURITY;
    END IF;
END $$;
"""
