-- What the sample's rows are made of: dice, lists of words, and people. All of it is temporary.
--
-- The rows depend on the seed and on nothing else: not on random(), nor on hash functions that
-- PostgreSQL may change, nor on the plan. sha256 gives 32 bytes for each row, and each value of
-- the row is read from some of them. The caller sets sample.seed, sample.tenants,
-- sample.customers and sample.orders.

CREATE FUNCTION pg_temp.size(what text) RETURNS integer STABLE LANGUAGE sql AS
$$ SELECT current_setting('sample.' || what)::integer $$;

CREATE FUNCTION pg_temp.dice(what text, number bigint) RETURNS bytea STABLE LANGUAGE sql AS
$$ SELECT sha256(convert_to(current_setting('sample.seed') || what || number, 'UTF8')) $$;

-- A number from 0 to limit - 1, read from two bytes of the dice (limit up to 65,536) ...
CREATE FUNCTION pg_temp.draw(dice bytea, place integer, upto integer)
RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT (get_byte(dice, place) * 256 + get_byte(dice, place + 1)) % upto $$;

-- ... or from four. NULL if there is nothing to choose from.
CREATE FUNCTION pg_temp.draw_wide(dice bytea, place integer, upto integer)
RETURNS integer IMMUTABLE LANGUAGE sql AS $$
    SELECT ((get_byte(dice, place)::bigint * 16777216 + get_byte(dice, place + 1) * 65536
             + get_byte(dice, place + 2) * 256 + get_byte(dice, place + 3))
            % nullif(upto, 0))::integer
$$;

CREATE FUNCTION pg_temp.pick(list text[], dice bytea, place integer)
RETURNS text IMMUTABLE LANGUAGE sql AS
$$ SELECT list[1 + pg_temp.draw(dice, place, cardinality(list))] $$;

-- The id of a table's n-th row: every fifth id is missing.
CREATE FUNCTION pg_temp.key(number bigint) RETURNS integer IMMUTABLE LANGUAGE sql AS
$$ SELECT (number + number / 4)::integer $$;

-- Numbers that are reserved for fiction, so that nobody is called by a test.
CREATE FUNCTION pg_temp.phone(dice bytea, place integer) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT pg_temp.pick('{+44 20 7946 0,+44 (0)121 496 0,+1-212-555-0,+1 (415) 555 0,0207 9460}',
                        dice, place)
           || lpad((100 + pg_temp.draw(dice, place, 6553) % 100)::text, 3, '0')
$$;

CREATE FUNCTION pg_temp.tenant_names() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY['Hatton Row Casting', 'Atelier Lumière', 'Goldschmiede am Dom', 'Jaipur Gem Works',
                 'Nordlys Sølvsmie', 'Officina d''Oro', 'Ginza Kinkō', 'Maison Étincelle']
$$;

CREATE FUNCTION pg_temp.founders() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY[
        'Ashdown', 'Bellini', 'Brightwater', 'Calloway', 'Castellan', 'Delacroix', 'Dvořák',
        'Eastgate', 'Fairfax', 'Grünwald', 'Halcyon', 'Ivory Lane', 'Juniper', 'Kestrel',
        'Lindqvist', 'Maharani', 'Meridian', 'Müller', 'Nakamura', 'O''Connell', 'Okafor',
        'Old Mint', 'Peregrine', 'Quayside', 'Rosewood', 'Sapphire Court', 'Silverthorn',
        'Three Rings', 'Umar', 'Vasquez', 'Whitby', 'Xanadu', 'Yilmaz', 'Żuraw',
        'Северное сияние', '金銀堂'
    ]
$$;

CREATE FUNCTION pg_temp.trades() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY[
        'Jewellers', '& Daughters', '& Sons', 'Goldsmiths', 'Silversmiths', 'Bridal',
        'Watches & Gems', 'Gem Trading Ltd', 'Fine Jewellery', 'Boutique', 'Antiques',
        'Diamond Exchange', 'Department Store', 'Gifts', 'Studio', 'Museum Shop',
        'Cathedral Supplies', 'Pearls'
    ]
$$;

CREATE FUNCTION pg_temp.streets() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY['Hatton Garden', 'Market Street', 'Königsallee', 'Rue de la Paix', 'Vyse Street',
                 'West 47th Street', 'Johari Bazaar Road', 'Via Maggio', 'Harbour Parade',
                 'St. John''s Lane', 'Østergade', 'Calle Mayor']
$$;

CREATE FUNCTION pg_temp.towns() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY['London EC1N 8LE', 'Birmingham B18 6HA', 'New York, NY 10036', '40212 Düsseldorf',
                 '75002 Paris', 'Jaipur 302003', '50125 Firenze', 'Sydney NSW 2000',
                 '1100 København', '28013 Madrid', '31134 Hildesheim', 'Århus']
$$;

CREATE FUNCTION pg_temp.pieces() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY[
        'Wedding band', 'Signet ring', 'Solitaire ring', 'Tennis bracelet', 'Cuff bracelet',
        'Hoop earrings', 'Stud earrings', 'Rope chain, 18"', 'Locket', 'Tie pin', 'Brooch',
        'Mangalsutra', 'Crucifix pendant', 'Cufflinks', 'Anklet', 'Tiara'
    ]
$$;

CREATE FUNCTION pg_temp.finishes() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY[
        'polished', 'brushed', 'hammered', 'with one diamond, 0.5 ct', 'with sapphires',
        'with a cabochon ruby', 'with freshwater pearls', 'engraved', 'with émail plique-à-jour',
        'oxidised', 'rhodium-plated', 'with the customer''s own stone'
    ]
$$;

CREATE FUNCTION pg_temp.specifications() RETURNS text[] IMMUTABLE LANGUAGE sql AS $$
    SELECT ARRAY[
        'Ring size 54', 'Ring size N½ (UK)', E'Inside: "Für immer"\nOutside: plain',
        E'Length 45 cm\nLobster clasp\nHallmark: 750', 'Tolerance ±0.05 g', 'Nickel-free; allergy!',
        'See drawing C:\designs\2024\ring_07.3dm', E'Size\t17.5 mm\nShank\t2.2 mm',
        'Engraving: 永遠の愛', 'Repeat of the last order, but "a little thinner"', '100% recycled gold',
        E'Call before casting 📞\r\nDo not ship on Fridays'
    ]
$$;

-- Everybody whom the names of some countries make. A name that a mailbox cannot hold is followed
-- by its spelling in one.
CREATE TEMPORARY TABLE people ON COMMIT DROP AS
WITH countries (country, first_names, last_names) AS (
    VALUES
    (1, 'Emma,Oliver,Grace,Thomas,Ruth,Samuel,Niamh,Seán=sean,Alice,Henry',
        'Taylor,Walsh,O''Brien=obrien,Hughes,D''Arcy=darcy,Clarke,Hall,St. John=stjohn,Reed'),
    (2, 'Jürgen=juergen,Anna,Lukas,Käthe=kaethe,Sören=soeren,Greta,Jörg=joerg,Heike',
        'Weiß=weiss,Schröder=schroeder,Krüger=krueger,Vogel,Böhm=boehm,von der Heide=vonderheide'),
    (3, 'Zoé=zoe,Léa=lea,François=francois,Anaïs=anais,Jean-Luc,Hélène=helene,Marc,Noël=noel',
        'Lefèvre=lefevre,Dupont,L''Hôpital=lhopital,Garçon=garcon,Moreau,Saint-Cyr=saintcyr'),
    (4, 'María=maria,José=jose,Lucía=lucia,Iñaki=inaki,Núria=nuria,Andrés=andres',
        'Muñoz=munoz,García=garcia,Ibáñez=ibanez,Peña=pena,Ortega,López-Vega=lopezvega'),
    (5, 'Priya,Arjun,Meera,Rahul,Lakshmi,Vikram,Aïsha=aisha,Farid',
        'Sharma,Patel,Iyer,Reddy,Khan,Banerjee'),
    (6, 'Åsa=aasa,Bjørn=bjoern,Søren=soeren,Þóra=thora,Linnéa=linnea,Łukasz=lukasz,Chloë=chloe',
        'Ødegård=odegaard,Lindström=lindstrom,Nowak,Šimić=simic,Nguyễn=nguyen,Çelik=celik'),
    (7, 'Анна=anna,Дмитрий=dmitri,Ольга=olga,Юрий=yuri,Зоя=zoya',
        'Иваненко=ivanenko,Соколов=sokolov,Щербак=shcherbak,Ким=kim'),
    (8, '花子=hanako,健=ken,さくら=sakura,太郎=taro,芳=fang',
        '佐藤=sato,田中=tanaka,王=wang,鈴木=suzuki'),
    (9, 'ليلى=layla,يوسف=yusuf,مريم=maryam', 'حداد=haddad,منصور=mansour,الصائغ=alsaigh')
)
SELECT row_number() OVER (ORDER BY c.country, f.place, l.place) - 1 AS place,
       split_part(f.name, '=', 1) || ' ' || split_part(l.name, '=', 1) AS name,
       lower(coalesce(nullif(split_part(f.name, '=', 2), ''), f.name)
             || '.' || coalesce(nullif(split_part(l.name, '=', 2), ''), l.name)) AS mailbox
  FROM countries c,
       unnest(string_to_array(c.first_names, ',')) WITH ORDINALITY f (name, place),
       unnest(string_to_array(c.last_names, ',')) WITH ORDINALITY l (name, place);
CREATE UNIQUE INDEX ON pg_temp.people (place);
ANALYZE pg_temp.people;
