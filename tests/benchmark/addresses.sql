-- The new table, the same for both scripts: it starts empty, so its making costs nothing.
CREATE TABLE addresses (
    id             serial PRIMARY KEY,
    tenant_id      integer NOT NULL,
    company_id     integer NOT NULL,
    street_address varchar(255) NOT NULL,
    city           varchar(100) NOT NULL,
    state          varchar(50) NOT NULL,
    zip_code       varchar(20) NOT NULL,
    country        varchar(100) DEFAULT 'USA' NOT NULL,
    is_default     boolean DEFAULT false NOT NULL,
    created_at     timestamp without time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_addresses_zip_format CHECK (length(zip_code) >= 3),
    CONSTRAINT addresses_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants (id) ON DELETE CASCADE,
    CONSTRAINT addresses_company_id_fkey FOREIGN KEY (company_id) REFERENCES companies (id) ON DELETE CASCADE
);
CREATE INDEX ix_addresses_tenant_id ON addresses (tenant_id);
CREATE INDEX ix_addresses_company_id ON addresses (company_id);
CREATE INDEX ix_addresses_company_default ON addresses (company_id, is_default);
CREATE UNIQUE INDEX uq_addresses_one_default_per_company ON addresses (company_id) WHERE is_default;
