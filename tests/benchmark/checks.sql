-- The check rules of contacts and companies, the same for both scripts: rows that break one, which the
-- sample has, leave it out.
DO $$
DECLARE
    rule record;
    broken boolean;
BEGIN
    FOR rule IN
        SELECT rules.*, CASE WHEN rules.name LIKE '%email%'
                             THEN 'email ~ ''^[^@\s]+@[^@\s]+\.[^@\s]+$'''
                             ELSE 'length(phone) >= 10' END AS condition
          FROM (VALUES ('companies', 'ck_companies_email_format'),
                       ('companies', 'ck_companies_phone_format'),
                       ('contacts', 'ck_contacts_email_format'),
                       ('contacts', 'ck_contacts_phone_format')) AS rules (owner, name)
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE NOT (%s))', rule.owner, rule.condition)
           INTO broken;
        IF NOT broken THEN
            EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%s)',
                           rule.owner, rule.name, rule.condition);
        END IF;
    END LOOP;
END
$$;
