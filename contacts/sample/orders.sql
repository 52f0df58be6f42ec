-- Orders, their manufacturing steps and shipments. Needs words.sql and parties.sql.

-- Most orders are old and finished; the last months' are under way. Two draws, of which the lower
-- counts, give some customers many orders and others none. Every twentieth order has no customer.
INSERT INTO orders (
    id, tenant_id, order_number, customer_id, customer_name, customer_email, customer_phone,
    product_description, specifications, quantity, price, status, due_date, metal_type,
    target_weight_per_piece, initial_total_weight, created_at, updated_at
)
SELECT pg_temp.key(number),
       coalesce(customer_tenant, pg_temp.key(1 + pg_temp.draw(dice, 8, pg_temp.size('tenants')))),
       'JM-' || extract(year FROM created_at) || '-' || to_char(pg_temp.key(number), 'FM000000000'),
       customer_id,
       -- As they were when the order was placed, which is not always as they are now.
       CASE WHEN customer_id IS NULL
            THEN pg_temp.pick('{Walk-in,Trade fair,"",Señora Ruiz,Stock order}', dice, 4)
            WHEN number % 12 = 1
            THEN split_part(name, ' ', 1)
                 || pg_temp.pick('{" Young"," Bergström"," d’Este"}', dice, 4)
            ELSE name END,
       CASE WHEN number % 19 = 6 OR customer_id IS NULL AND number % 40 <> 7 THEN NULL
            WHEN number % 41 = 8 OR customer_id IS NULL THEN ''
            WHEN number % 6 = 1 THEN split_part(email, '@', 1) || '@formerly.example'
            ELSE email END,
       CASE WHEN number % 6 = 1 THEN pg_temp.phone(dice, 6) ELSE phone END,
       CASE number % 33 WHEN 10 THEN NULL WHEN 21 THEN ''
            ELSE pg_temp.pick(pg_temp.pieces(), dice, 14) || ', '
                 || pg_temp.pick(pg_temp.finishes(), dice, 16) END,
       CASE number % 4 WHEN 0 THEN NULL
            WHEN 1 THEN CASE WHEN number % 8 = 1 THEN '' ELSE 'Standard' END
            ELSE pg_temp.pick(pg_temp.specifications(), dice, 30) END,
       CASE WHEN number % 67 = 13 THEN NULL ELSE quantity END,
       CASE WHEN number % 14 = 3 THEN NULL WHEN number % 90 = 44 THEN 0
            ELSE (quantity::bigint * weight * rate * (105 + pg_temp.draw(dice, 28, 90)) / 100)
                 / 100.0::double precision END,
       CASE WHEN number % 97 = 5 THEN NULL
            WHEN created_at < timestamp '2025-05-01'
            THEN pg_temp.pick('{SHIPPED,SHIPPED,SHIPPED,SHIPPED,COMPLETED,COMPLETED,CANCELLED}',
                              dice, 10)
            ELSE pg_temp.pick('{PENDING,PENDING,IN_PROGRESS,IN_PROGRESS,COMPLETED,SHIPPED}',
                              dice, 10) END::orderstatus,
       CASE WHEN number % 7 = 5 THEN NULL
            ELSE date_trunc('day', created_at)
                 + (14 + pg_temp.draw(dice, 26, 60)) * interval '1 day'
       END,
       CASE WHEN number % 13 = 6 THEN NULL ELSE metal END,
       CASE WHEN number % 13 = 6 THEN NULL ELSE weight / 100.0::double precision END,
       CASE WHEN number % 5 = 2 THEN NULL
            ELSE (quantity * weight * 27 / 25) / 100.0::double precision END,
       created_at,
       CASE WHEN number % 3 = 0 THEN created_at
            ELSE created_at + pg_temp.draw(dice, 26, 40) * interval '1 day 00:29:00.000777' END
  FROM (SELECT rolled.number, rolled.dice, customer.id AS customer_id,
               customer.tenant_id AS customer_tenant, customer.name, customer.email, customer.phone,
               CASE WHEN pg_temp.draw(dice, 18, 3) = 0
                    THEN 1 + pg_temp.draw(dice, 18, 48) ELSE 1 END AS quantity,
               80 + pg_temp.draw(dice, 20, 2800) AS weight,  -- hundredths of a gram
               (ARRAY[68, 62, 51, 40, 2, 33, 15])[1 + pg_temp.draw(dice, 12, 7)] AS rate,
               pg_temp.pick('{GOLD_24K,GOLD_22K,GOLD_18K,GOLD_14K,SILVER_925,PLATINUM,OTHER}',
                            dice, 12)::metaltype AS metal,
               first_day + (timestamp '2025-10-31 17:00' - first_day)
                   * (pg_temp.draw(dice, 22, 65536) / 65536.0::double precision)
                   + pg_temp.draw(dice, 24, 65536) * interval '111 microseconds' AS created_at
          FROM (SELECT number, dice,
                       CASE WHEN number % 20 <> 7 THEN 1 + least(
                           pg_temp.draw_wide(dice, 0, pg_temp.size('customers')),
                           pg_temp.draw_wide(dice, 4, pg_temp.size('customers'))) END
                           AS customer_number
                  FROM (SELECT number, pg_temp.dice('order', number) AS dice
                          FROM generate_series(1, pg_temp.size('orders')) number
                        OFFSET 0) dice) rolled
          LEFT JOIN customers customer ON customer.id = pg_temp.key(rolled.customer_number)
         CROSS JOIN LATERAL (
               SELECT coalesce(customer.created_at, timestamp '2019-02-01 10:00') AS first_day
               ) since
        OFFSET 0) placed
 ORDER BY number;

-- Half of the orders are made in steps, of which the later belong to the first.
INSERT INTO manufacturing_steps (
    id, tenant_id, order_id, parent_step_id, description, status, department, created_at
)
SELECT pg_temp.key(number), tenant_id, order_id,
       CASE WHEN step > 1 THEN pg_temp.key(number - step + 1) END,
       CASE WHEN number % 21 = 8 THEN NULL WHEN number % 34 = 9 THEN ''
            ELSE (ARRAY['Casting in investment', 'Filing; "no marks"', 'Stone setting',
                        'Polishing'])[step] END,
       CASE WHEN number % 26 = 5 THEN 'FAILED' WHEN finished THEN 'COMPLETED'
            ELSE 'IN_PROGRESS' END::stepstatus,
       CASE WHEN number % 17 = 4 THEN NULL
            ELSE (ARRAY['Casting', 'Bench', 'Setting', 'Finishing'])[step] END,
       created_at + step * interval '1 day 02:03:04.000005'
  FROM (SELECT row_number() OVER (ORDER BY id, step) AS number, step::integer AS step,
               id AS order_id, tenant_id, status IN ('COMPLETED', 'SHIPPED') AS finished, created_at
          FROM orders
         CROSS JOIN LATERAL generate_series(1, 1 + id % 4) step
         WHERE id % 5 IN (1, 3) AND status IS DISTINCT FROM 'PENDING') steps
 ORDER BY number;

-- What is finished is sent, and every ninth parcel came back and was sent again.
INSERT INTO shipments (
    id, tenant_id, order_id, tracking_number, shipping_address, status, shipped_at, created_at
)
SELECT pg_temp.key(number), tenant_id, order_id,
       CASE WHEN shipped THEN 'JMS' || to_char(pg_temp.key(number), 'FM000000000') || 'GB' END,
       CASE WHEN number % 15 = 6 THEN NULL WHEN number % 22 = 7 THEN ''
            ELSE customer_name || E'\n' || 1 + order_id % 180 || ' '
                 || (pg_temp.streets())[1 + order_id % cardinality(pg_temp.streets())] || E'\n'
                 || (pg_temp.towns())[1 + order_id % cardinality(pg_temp.towns())] END,
       CASE WHEN NOT shipped THEN 'PREPARING' WHEN attempt < attempts THEN 'RETURNED'
            WHEN number % 25 = 3 THEN 'IN_TRANSIT' WHEN number % 25 = 9 THEN 'SHIPPED'
            ELSE 'DELIVERED' END::shipmentstatus,
       CASE WHEN shipped THEN created_at + attempt * interval '30 days 05:06:07.080910' END,
       created_at + attempt * interval '29 days 00:00:00.000042'
  FROM (SELECT row_number() OVER (ORDER BY id, attempt) AS number, attempt, attempts,
               id AS order_id, tenant_id, customer_name, status = 'SHIPPED' AS shipped, created_at
          FROM (SELECT *, CASE WHEN id % 9 = 2 AND status = 'SHIPPED' THEN 2 ELSE 1 END AS attempts
                  FROM orders
                 WHERE status IN ('COMPLETED', 'SHIPPED')) sent
         CROSS JOIN LATERAL generate_series(1, attempts) attempt) parcels
 ORDER BY number;
