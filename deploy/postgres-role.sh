#!/bin/sh
# Run once, by PostgreSQL's image, in an empty database: the portal's own role and database. A role that is no superuser
# runs no programs on the server, reads none of its files, and sees nothing of its environment.
set -eu
psql -v ON_ERROR_STOP=1 -v "password=$(cat "$LATCHKEY_PASSWORD_FILE")" <<'SQL'
CREATE ROLE latchkey LOGIN PASSWORD :'password';
CREATE DATABASE latchkey OWNER latchkey;
SQL
