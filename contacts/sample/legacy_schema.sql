-- The database of the legacy application, as its SQLAlchemy models and Alembic leave it.
-- Django has no part in it: no django_migrations table, and names as SQLAlchemy gives them.
-- Load it into an empty database:
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f contacts/sample/legacy_schema.sql
--
-- Every name, type, default and nullability matters: the migrations named 0001_legacy describe
-- tenants, companies, customers and orders, and a test compares the two catalogues.

-- SQLAlchemy stores the names of the Python enums' members.
CREATE TYPE orderstatus AS ENUM ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'SHIPPED', 'CANCELLED');
CREATE TYPE metaltype AS ENUM (
    'GOLD_24K', 'GOLD_22K', 'GOLD_18K', 'GOLD_14K', 'SILVER_925', 'PLATINUM', 'OTHER'
);
CREATE TYPE shipmentstatus AS ENUM (
    'PREPARING', 'SHIPPED', 'IN_TRANSIT', 'DELIVERED', 'RETURNED'
);
CREATE TYPE stepstatus AS ENUM ('IN_PROGRESS', 'COMPLETED', 'FAILED');

-- Alembic's mark: the revision before the hierarchical contact system.
CREATE TABLE alembic_version (
    version_num varchar(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version (version_num) VALUES ('002_remove_deprecated');

-- The timestamps of all tables hold UTC without saying so.
CREATE TABLE tenants (
    id serial PRIMARY KEY,
    name varchar NOT NULL,
    subdomain varchar NOT NULL,
    is_active boolean DEFAULT true,
    created_at timestamp without time zone DEFAULT now(),
    updated_at timestamp without time zone DEFAULT now()
);
CREATE INDEX ix_tenants_id ON tenants (id);
CREATE UNIQUE INDEX ix_tenants_subdomain ON tenants (subdomain);

-- The legacy application's own logins, which are not Django's auth_user.
CREATE TABLE users (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id),
    email varchar NOT NULL,
    hashed_password varchar NOT NULL,
    is_active boolean DEFAULT true,
    created_at timestamp without time zone DEFAULT now()
);
CREATE UNIQUE INDEX ix_users_email ON users (email);

CREATE TABLE companies (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id),
    name varchar NOT NULL,
    address text,
    phone varchar,
    email varchar,
    created_at timestamp without time zone DEFAULT now(),
    updated_at timestamp without time zone DEFAULT now(),
    CONSTRAINT uq_company_name_per_tenant UNIQUE (tenant_id, name)
);
CREATE INDEX ix_companies_id ON companies (id);
CREATE INDEX ix_companies_tenant_id ON companies (tenant_id);

-- A customer may stand alone: company_id NULL is what the restructuring calls an orphan.
CREATE TABLE customers (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id),
    name varchar NOT NULL,
    email varchar NOT NULL,
    phone varchar,
    company_id integer REFERENCES companies (id),
    created_at timestamp without time zone DEFAULT now(),
    updated_at timestamp without time zone DEFAULT now(),
    CONSTRAINT uq_customer_email_per_tenant UNIQUE (tenant_id, email)
);
CREATE INDEX ix_customers_id ON customers (id);
CREATE INDEX ix_customers_tenant_id ON customers (tenant_id);
CREATE INDEX ix_customers_email ON customers (email);
CREATE INDEX ix_customers_company_id ON customers (company_id);

-- customer_name, customer_email and customer_phone are copies made when the order was placed;
-- they do not follow the customer. An order without customer_id is legal.
CREATE TABLE orders (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id),
    order_number varchar NOT NULL,
    customer_id integer REFERENCES customers (id),
    customer_name varchar NOT NULL,
    customer_email varchar,
    customer_phone varchar,
    product_description text,
    specifications text,
    quantity integer DEFAULT 1,
    price double precision,
    status orderstatus DEFAULT 'PENDING',
    due_date timestamp without time zone,
    metal_type metaltype,
    target_weight_per_piece double precision,
    initial_total_weight double precision,
    created_at timestamp without time zone DEFAULT now(),
    updated_at timestamp without time zone DEFAULT now()
);
CREATE INDEX ix_orders_id ON orders (id);
CREATE INDEX ix_orders_tenant_id ON orders (tenant_id);
CREATE INDEX ix_orders_customer_id ON orders (customer_id);
CREATE UNIQUE INDEX ix_orders_order_number ON orders (order_number);

-- Two tables that hang on orders and that the restructuring must leave alone.
CREATE TABLE manufacturing_steps (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id),
    order_id integer NOT NULL REFERENCES orders (id),
    parent_step_id integer REFERENCES manufacturing_steps (id),
    description text,
    status stepstatus DEFAULT 'IN_PROGRESS',
    department varchar,
    created_at timestamp without time zone DEFAULT now()
);
CREATE INDEX ix_manufacturing_steps_order_id ON manufacturing_steps (order_id);

CREATE TABLE shipments (
    id serial PRIMARY KEY,
    tenant_id integer NOT NULL REFERENCES tenants (id),
    order_id integer NOT NULL REFERENCES orders (id),
    tracking_number varchar,
    shipping_address text,
    status shipmentstatus DEFAULT 'PREPARING',
    shipped_at timestamp without time zone,
    created_at timestamp without time zone DEFAULT now()
);
CREATE INDEX ix_shipments_order_id ON shipments (order_id);
CREATE UNIQUE INDEX ix_shipments_tracking_number ON shipments (tracking_number);
