#!/bin/sh
# Makes Metabase's own database, for its questions and dashboards, when the server is made the first
# time. Later, or without METABASE_DB_PASSWORD at that time:
#   docker compose exec db sh /docker-entrypoint-initdb.d/metabase.sh
set -eu
if [ -z "${METABASE_DB_PASSWORD:-}" ]; then
    echo "METABASE_DB_PASSWORD is not set: no database for Metabase."
else
    psql --set=ON_ERROR_STOP=1 --set=password="$METABASE_DB_PASSWORD" \
        --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
create role metabase login password :'password';
create database metabase owner metabase;
SQL
fi
