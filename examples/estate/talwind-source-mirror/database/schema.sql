/* Customers and orders of the webshop, schema version 41. */
create table customers (
    customer_id   bigint primary key,
    full_name     varchar(120) not null,
    birth_date    date,
    phone         varchar(32),
    ssn_encrypted bytea,
    created_at    timestamptz not null default now()
);

create table orders (
    order_id      bigint primary key,
    customer_id   bigint not null references customers,
    placed_at     timestamptz not null,
    total_cents   bigint not null check (total_cents >= 0),
    tracking      varchar(34)
);

create index orders_by_customer on orders (customer_id, placed_at desc);

insert into schema_version (version, applied_at, checksum) values
    (39, '2025-12-02 08:00:11', 'a8dc072afcdd285f7ca8ebb516388e5bebe90882'),
    (40, '2026-05-19 07:30:02', '256944c12d083d45b049948153ed607f3a89c4ea'),
    (41, '2026-10-06 07:31:45', '93a20e4d4e8766ce189035aebed7b1840a225f98');
