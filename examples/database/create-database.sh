#!/bin/sh
# Creates the role and the database `shop` with a first table.
#
# This runs before the appliance boots for the first time, so no service is running: the script starts
# the cluster that Debian's package has made, and stops it again whatever happens.
set -eu

version=$(pg_lsclusters --no-header | awk '$2 == "main" { print $1 }' | sort -V | tail -n 1)
if [ -z "$version" ]; then
    echo 'postgresql has made no cluster "main"' >&2
    exit 1
fi

pg_ctlcluster --skip-systemctl-redirect "$version" main start
trap 'pg_ctlcluster --skip-systemctl-redirect "$version" main stop -m fast' EXIT

# The role has no password: it can be used through the local socket, by an account of the same name.
runuser -u postgres -- psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
CREATE ROLE shop LOGIN;
CREATE DATABASE shop OWNER shop;
\connect shop
SET ROLE shop;
CREATE TABLE product (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    price_cents integer NOT NULL CHECK (price_cents >= 0)
);
INSERT INTO product (name, price_cents) VALUES
    ('apple', 40),
    ('bread', 320),
    ('cheese', 890);
SQL

echo "The database shop is ready in PostgreSQL $version."
