"""The rights on addresses: it belongs to the owner of companies, and whoever may read or write the
one may do so with the other.
"""

RIGHTS = """
    SELECT pair.kind, pair.target, acl.privilege_type, acl.grantee, acl.is_grantable
      FROM (VALUES ('TABLE', 'companies', 'addresses'),
                   -- Whatever feeds the key: it may belong to no column.
                   ('SEQUENCE', (
                        SELECT p.refobjid::regclass::text
                          FROM pg_attrdef d
                          JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass
                                          AND p.objid = d.oid
                          JOIN pg_sequence s ON s.seqrelid = p.refobjid
                          JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                         WHERE d.adrelid = 'companies'::regclass AND a.attname = 'id'
                        UNION ALL
                        SELECT pg_get_serial_sequence('companies', 'id')
                         LIMIT 1),
                    pg_get_serial_sequence('addresses', 'id')))
                AS pair (kind, model, target)
      JOIN pg_class c ON c.oid = pair.model::regclass
      CROSS JOIN aclexplode(c.relacl) AS acl
     WHERE acl.grantee <> c.relowner
"""
"""What each role may do with companies and its sequence, and so with addresses and its own."""

OWN_LIKE_COMPANIES = f"""
DO $$
DECLARE
    item record;
BEGIN
    -- It was made in the first schema of the search path, which may be that of Django's tables.
    EXECUTE format('ALTER TABLE addresses SET SCHEMA %s', (
        SELECT relnamespace::regnamespace FROM pg_class WHERE oid = 'companies'::regclass));
    EXECUTE format('ALTER TABLE addresses OWNER TO %s', (
        SELECT relowner::regrole FROM pg_class WHERE oid = 'companies'::regclass));
    FOR item IN
        SELECT kind, target, privilege_type,
               CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS role,
               CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
          FROM ({RIGHTS}) AS rights
    LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s%s',
                       item.privilege_type, item.kind, item.target, item.role, item.option);
    END LOOP;
END $$;
"""

FEED_ADDRESSES = """
DO $$
DECLARE
    sequence text := pg_get_serial_sequence('addresses', 'id');
BEGIN
    IF sequence IS NULL THEN
        sequence := (
            SELECT relnamespace::regnamespace || '.addresses_id_seq'
              FROM pg_class WHERE oid = 'addresses'::regclass);
        EXECUTE format('CREATE SEQUENCE %s AS %s', sequence, (
            SELECT atttypid::regtype FROM pg_attribute
             WHERE attrelid = 'addresses'::regclass AND attname = 'id'));
        EXECUTE format('ALTER SEQUENCE %s OWNER TO %s', sequence, (
            SELECT relowner::regrole FROM pg_class WHERE oid = 'addresses'::regclass));
        EXECUTE format('ALTER SEQUENCE %s OWNED BY addresses.id', sequence);
        PERFORM setval(sequence::regclass, max(id)) FROM addresses HAVING max(id) IS NOT NULL;
    END IF;
    EXECUTE format('ALTER TABLE addresses ALTER id SET DEFAULT nextval(%L::regclass)', sequence);
END $$;
"""
"""Lets a sequence feed the key of addresses, a new one behind the rows where it has none."""
