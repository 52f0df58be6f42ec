-- Tenants, their users, companies and customers. Needs words.sql.
--
-- The first tenants have customers, the last has none. What a migration might stumble over stands
-- at fixed places (number % n = m), so that it is there whatever the seed.
-- OFFSET 0 keeps the planner from rolling a row's dice anew for each value.

INSERT INTO tenants (id, name, subdomain, is_active, created_at, updated_at)
SELECT pg_temp.key(number),
       CASE WHEN number <= cardinality(pg_temp.tenant_names()) THEN (pg_temp.tenant_names())[number]
            ELSE 'Workshop ' || number END,
       'workshop-' || number,
       CASE number % 7 WHEN 3 THEN false WHEN 6 THEN NULL ELSE true END,
       timestamp '2017-02-01 09:00:00.000001' + number * interval '1 day 00:00:00.123456',
       timestamp '2024-02-01 09:00:00' + number * interval '1 hour'
  FROM generate_series(1, pg_temp.size('tenants')) number
 ORDER BY number;

-- The passwords' hashes look like bcrypt's and belong to no password.
INSERT INTO users (id, tenant_id, email, hashed_password, is_active, created_at)
SELECT pg_temp.key(number),
       pg_temp.key(1 + (number - 1) % pg_temp.size('tenants')),
       (ARRAY['owner', 'workshop', 'sales', 'books'])[
           1 + (number - 1) / pg_temp.size('tenants') % 4]
       || number || '@workshop-' || 1 + (number - 1) % pg_temp.size('tenants') || '.example',
       '$2b$12$' || substr(translate(encode(dice, 'base64'), E'+=\n', './'), 1, 40)
       || substr(encode(dice, 'hex'), 1, 13),
       number % 9 <> 4,
       timestamp '2018-01-08 10:00' + pg_temp.draw(dice, 0, 2500) * interval '1 day 00:00:07.000013'
  FROM (SELECT number, pg_temp.dice('user', number) AS dice
          FROM generate_series(1, pg_temp.size('tenants') * 3 + pg_temp.size('customers') / 100)
               number
        OFFSET 0) rolled
 ORDER BY number;

-- The first companies go round the tenants, the last tenant included; the others are spread over
-- the tenants that have customers. The second tenant's has the name that the restructuring
-- gives to companies of its own. A name comes back only with a number behind it.
INSERT INTO companies (id, tenant_id, name, address, phone, email, created_at, updated_at)
SELECT pg_temp.key(number),
       pg_temp.key(CASE WHEN number <= pg_temp.size('tenants') THEN number
                        ELSE 1 + pg_temp.draw(dice, 0, pg_temp.size('tenants') - 1) END),
       CASE WHEN number = 2 THEN 'Default Company' ELSE
           (pg_temp.founders())[1 + name % cardinality(pg_temp.founders())]
           || ' ' || (pg_temp.trades())[1 + name / cardinality(pg_temp.founders())]
           || coalesce(' No. ' || nullif(1 + number / names, 1), '')
       END,
       CASE WHEN number % 10 = 4 THEN NULL WHEN number % 10 = 9 THEN ''
            ELSE 1 + pg_temp.draw(dice, 2, 180) || ' ' || pg_temp.pick(pg_temp.streets(), dice, 4)
                 || E'\n' || pg_temp.pick(pg_temp.towns(), dice, 6) END,
       CASE number % 13 WHEN 5 THEN NULL WHEN 8 THEN '' WHEN 12 THEN '555-0199'
            ELSE pg_temp.phone(dice, 8) END,
       CASE number % 11 WHEN 6 THEN NULL WHEN 9 THEN '' WHEN 10 THEN 'see website'
            ELSE pg_temp.pick('{info,hello,orders,Einkauf,atelier}', dice, 10)
                 || '@c' || number || '.example' END,
       created_at,
       created_at + pg_temp.draw(dice, 14, 900) * interval '1 day 00:13:00.005' * (number % 3)
  FROM (SELECT number, dice, names,
               (number::bigint * 7919 + pg_temp.draw_wide(luck, 0, names)) % names AS name,
               timestamp '2018-01-02 08:00'
               + pg_temp.draw_wide(dice, 16, 50000000) * interval '1 second'
               + pg_temp.draw(dice, 20, 65536) * interval '15 microseconds' AS created_at
          FROM (SELECT number, pg_temp.dice('company', number) AS dice,
                       cardinality(pg_temp.founders()) * cardinality(pg_temp.trades()) AS names,
                       pg_temp.dice('luck', 0) AS luck
                  FROM generate_series(
                           1, pg_temp.size('tenants') + pg_temp.size('customers') / 7) number
                OFFSET 0) rolled) named
 ORDER BY number;

-- A customer's tenant is that of the company drawn, also where the customer then stands alone.
-- The company numbered like the last tenant is that tenant's, and left out.
INSERT INTO customers (id, tenant_id, name, email, phone, company_id, created_at, updated_at)
SELECT pg_temp.key(number),
       company.tenant_id,
       CASE number % 43 WHEN 17 THEN upper(person.name) WHEN 29 THEN ' ' || person.name || '  '
            WHEN 35 THEN person.name || ' "The Ring"' ELSE person.name END,
       CASE number % 74
            WHEN 9 THEN 'none-' || number
            WHEN 31 THEN person.mailbox || number || '@localhost'
            WHEN 46 THEN person.mailbox || number || ' at mail.example'
            WHEN 60 THEN 'zoë.' || person.mailbox || number || '@mail.example'
            WHEN 70 THEN upper(person.mailbox) || '+RINGS' || number || '@MAIL.EXAMPLE'
            ELSE person.mailbox || number || '@' || CASE
                WHEN number % 8 = 3 THEN pg_temp.pick('{mail,post,inbox,web}', dice, 8)
                ELSE 'c' || company_number END || '.example'
       END,
       CASE WHEN number % 9 = 2 THEN NULL WHEN number % 29 = 7 THEN ''
            WHEN number % 31 = 11 THEN pg_temp.pick('{555-0134,ext. 12,n/a,?}', dice, 10)
            ELSE pg_temp.phone(dice, 10) END,
       CASE WHEN number % 8 = 3 THEN NULL ELSE company.id END,
       CASE WHEN number % 101 = 50 THEN NULL ELSE rolled.created_at END,
       CASE WHEN number % 101 = 51 THEN NULL
            WHEN number % 2 = 0 THEN rolled.created_at
            ELSE rolled.created_at
                 + pg_temp.draw(dice, 12, 700) * interval '1 day 00:03:00.000321' END
  FROM (SELECT number, dice, person_number,
               CASE WHEN number % 11 = 4 THEN 2 WHEN drawn < pg_temp.size('tenants') THEN drawn
                    ELSE drawn + 1 END AS company_number,
               date_trunc(CASE number % 5 WHEN 0 THEN 'second' ELSE 'microseconds' END,
                   timestamp '2019-01-07 07:30'
                   + pg_temp.draw_wide(dice, 16, 170000000) * interval '1 second'
                   + pg_temp.draw(dice, 20, 65536) * interval '15 microseconds') AS created_at
          FROM (SELECT number, dice,
                       pg_temp.draw(dice, 0, (SELECT count(*)::integer FROM pg_temp.people))
                           AS person_number,
                       1 + pg_temp.draw_wide(
                           dice, 4, pg_temp.size('tenants') + pg_temp.size('customers') / 7 - 1)
                           AS drawn
                  FROM (SELECT number, pg_temp.dice('customer', number) AS dice
                          FROM generate_series(1, pg_temp.size('customers')) number
                        OFFSET 0) rolled) chosen
        OFFSET 0) rolled
  JOIN pg_temp.people person ON person.place = rolled.person_number
  JOIN companies company ON company.id = pg_temp.key(rolled.company_number)
 ORDER BY number;
