#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Apache with mod_authnz_pam: 32 threads in one process that is not root, each with a login of its own
# at the same time, all of them through patd.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
needs_programs apache2 mandoc curl
MODULES=/usr/lib/apache2/modules
[ -e $MODULES/mod_authnz_pam.so ] || skip_all 'needs mod_authnz_pam'
THREADS=32

apache_start() {
	mkdir -p "$W/apache/www/files"
	echo 'all is well' | tee "$W/apache/www/files/report.txt" >"$W/apache/www/files/index.html"
	recipe_file apache.conf "$W/apache/files.conf" 644 root
	{
		echo "ServerRoot $W/apache"
		local module
		for module in mpm_event authn_core authz_core authz_user auth_basic authnz_pam dir; do
			echo "LoadModule ${module}_module $MODULES/mod_$module.so"
		done
		cat <<-END
			Listen 127.0.0.1:80
			ServerName host.example
			User www-data
			Group www-data
			PidFile $W/apache/pid
			ErrorLog $W/apache/log
			DocumentRoot $W/apache/www
			DirectoryIndex index.html
			ServerLimit 1
			StartServers 1
			ThreadsPerChild $THREADS
			MaxRequestWorkers $THREADS
			KeepAliveTimeout 60
			MaxKeepAliveRequests 0
			Include $W/apache/files.conf
		END
	} >"$W/apache/conf"
	apache2 -X -d "$W/apache" -f "$W/apache/conf" -t 2>"$W/apache/err" || bail "$(<"$W/apache/err")"
	apache2 -D FOREGROUND -d "$W/apache" -f "$W/apache/conf" 2>>"$W/apache/err" &
	APACHE=$!
	wait_for 10 answers || bail "Apache does not start: $(cat "$W/apache/err" "$W/apache/log")"
	CHILD=$(pgrep -P "$APACHE")
}

answers() {
	[ "$(curl --silent -o /dev/null -w '%{http_code}' http://127.0.0.1/files/)" = 401 ]
}

PROTOCOL=http PORT=80/files/report.txt
world_furnish
recipe_file nginx.pam /etc/pam.d/apache2 644 root
patd_start
apache_start

is 'it is one process, and not root' "$(wc -w <<<"$CHILD") $(stat -c %U "/proc/$CHILD")" '1 www-data'
is "with $THREADS threads and more" \
	"$(($(find "/proc/$CHILD/task" -mindepth 1 -maxdepth 1 | wc -l) > THREADS))" 1

give alice web --service apache2
alice=$TOKEN
log_mark
with alice "$alice"
is 'without verify_for, patd does not answer it' "$out" refused
logged 'and says so' 'refused token .* reason=peer'
verify_for www-data
log_mark
with alice "$alice"
is 'with it, a token opens the page' "$out" accepted
logged 'by patd, for www-data' \
	"patd\[[0-9]+\]: accepted token .* user=\"alice\" service=\"apache2\" rhost=\"127.0.0.1\".* peer=\"uid=33 pid=$CHILD\""
is 'one request is one authentication' "$(log_lines | grep -c 'accepted token')" 1
log_mark
PORT=80/files/ with alice "$alice"
is 'one for the index of a directory, too' "$out $(log_lines | grep -c 'accepted token')" 'accepted 1'

many "$THREADS" <<<"warm 200 alice $alice"
fds=$(descriptors "$CHILD")
storm Apache apache2 "$THREADS" 300

give bob brief --service apache2
revoked_meanwhile 16 bob "$TOKEN" brief

is 'no descriptor was left open' "$(($(descriptors "$CHILD") > fds + 2))" 0
is 'it is still the same process' "$(pgrep -P "$APACHE")" "$CHILD"
unlike 'and none was lost' "$(<"$W/apache/log")" 'exit signal|core dump'
ended "$APACHE"
end
