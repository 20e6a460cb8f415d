#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# PostgreSQL with `pam` in pg_hba.conf: one process for each connection, as the user postgres, through
# patd.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
PATH=$PATH:$(printf '%s:' /usr/lib/postgresql/*/bin)
needs_programs postgres initdb psql openssl mandoc
getent passwd postgres >/dev/null || skip_all 'needs the user postgres'

postgres_start() {
	install -d -m 755 -o postgres "$W/postgres"
	as postgres env PATH="$PATH" initdb --no-sync --auth-local=peer --locale=C.UTF-8 \
		-D "$W/postgres/data" >"$W/postgres/initdb" 2>&1 || bail "$(<"$W/postgres/initdb")"
	cat >"$W/postgres/data/pg_hba.conf" <<-END
		local  all  postgres  peer
		$(recipe pg_hba.conf)
	END
	as postgres openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=host.example -keyout "$W/postgres/data/server.key" \
		-out "$W/postgres/data/server.crt" 2>"$W/postgres/openssl" || bail 'no certificate'
	exec_as postgres env PATH="$PATH" postgres -D "$W/postgres/data" -p 5432 -F \
		-c listen_addresses=127.0.0.1 -c unix_socket_directories="$W/postgres" \
		-c max_connections=100 -c ssl=on >"$W/postgres/log" 2>&1 &
	POSTGRES=$!
	wait_for 20 as postgres psql -h "$W/postgres" -c 'select 1' ||
		bail "PostgreSQL does not start: $(<"$W/postgres/log")"
}

# query USER SECRET: what psql is told when it asks who it is.
query() {
	install -m 600 /dev/null "$W/pgpass"
	echo "127.0.0.1:5432:*:$1:$2" >"$W/pgpass"
	run env PGPASSFILE="$W/pgpass" PGSSLMODE=require timeout 20 \
		psql -X -A -t -h 127.0.0.1 -U "$1" -c 'select current_user' postgres </dev/null
}

PROTOCOL=postgresql PORT=5432
world_furnish
recipe_file nginx.pam /etc/pam.d/postgresql 644 root
patd_start
postgres_start
as postgres psql -q -h "$W/postgres" -c 'create user alice' -c 'create user bob' -c 'create user carol'

give alice db --service postgresql
alice=$TOKEN
query alice "$alice"
refused 'without verify_for, patd does not answer it'
verify_for postgres
log_mark
query alice "$alice"
is 'with it, a token opens the database, for psql' "$rc $out" '0 alice'
logged 'by patd, for the user postgres' \
	"patd\[[0-9]+\]: accepted token .* user=\"alice\" service=\"postgresql\".* peer=\"uid=$(id -u postgres) "
is 'one connection is one authentication' "$(log_lines | grep -c 'accepted token')" 1
log_mark
query alice "$(wrong "$alice")"
refused 'a wrong token does not'
like 'psql is not told why' "$err" 'PAM authentication failed for user "alice"$'
logged 'the log is' 'refused token .* reason=secret'
query bob "$alice"
refused 'nor that of another user'
give alice short --service postgresql --expires 2s
sleep 2.1
log_mark
query alice "$TOKEN"
refused 'nor one that has expired'
logged 'and the log says so' 'refused token .* reason=expired'
give alice nearby --service postgresql --from 127.0.0.0/8
query alice "$TOKEN"
is 'it says where its clients come from' "$rc $out" '0 alice'

storm PostgreSQL postgresql 24 60
give bob brief --service postgresql
revoked_meanwhile 8 bob "$TOKEN" brief
ok 'it still serves' as postgres psql -h "$W/postgres" -c 'select 1'
unlike 'and no process of it crashed' "$(<"$W/postgres/log")" 'terminated by signal|crash'
ended "$POSTGRES"
end
