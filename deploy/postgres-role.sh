#!/bin/sh
# Run once, by a superuser of PostgreSQL or by its image: the portal's own role and database. A role that is no superuser
# runs no programs on the server, reads none of its files, and sees nothing of its environment. Other roles can't connect
# to the database. psql reads the password itself, so that no list of processes shows it.
set -eu
[ -s "$LATCHKEY_PASSWORD_FILE" ] || { echo "There is no password in the file of LATCHKEY_PASSWORD_FILE." >&2; exit 1; }
psql --no-psqlrc --set=ON_ERROR_STOP=1 <<'SQL'
\set password `cat "$LATCHKEY_PASSWORD_FILE"`
CREATE ROLE latchkey LOGIN PASSWORD :'password';
CREATE DATABASE latchkey OWNER latchkey;
REVOKE CONNECT ON DATABASE latchkey FROM PUBLIC;
SQL
