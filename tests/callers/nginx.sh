#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# nginx with auth_pam beyond the recipe of pat(7): many at once, over reloads, and what its
# authenticating more than once for a request does to tokens that are counted.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
needs_programs nginx mandoc curl
ls /usr/share/nginx/modules-available/*auth-pam* >/dev/null 2>&1 || skip_all 'needs auth_pam'

nginx_start() {
	mkdir -p "$W/nginx/www/files"
	echo 'all is well' | tee "$W/nginx/www/files/report.txt" >"$W/nginx/www/files/index.html"
	cat >"$W/nginx/conf" <<-END
		user www-data;
		worker_processes 4;
		pid $W/nginx/pid;
		error_log $W/nginx/log notice;
		include /etc/nginx/modules-enabled/*.conf;
		events { worker_connections 256; }
		http {
		    access_log off;
		    server {
		        listen 127.0.0.1:80;
		        root $W/nginx/www;
		        location /files/ {
		            auth_pam "personal access token";
		            auth_pam_service_name nginx;
		        }
		    }
		}
	END
	nginx -c "$W/nginx/conf" -g 'daemon off;' </dev/null >"$W/nginx/out" 2>&1 &
	NGINX=$!
	wait_for 10 answers || bail "nginx does not start: $(cat "$W/nginx/out" "$W/nginx/log")"
}

answers() {
	[ "$(curl --silent -o /dev/null -w '%{http_code}' http://127.0.0.1/files/)" = 401 ]
}

# asked PATH: how often nginx asked patd for a request for it.
asked() {
	PORT=80$1
	log_mark
	with alice "$TOKEN"
	log_lines | grep -c 'accepted token'
}

# New workers take over, and the old ones end when they have nothing to do any more.
reload_often() {
	for _ in 1 2 3; do
		sleep 0.3
		kill -HUP "$NGINX"
	done
}

PROTOCOL=http PORT=80/files/report.txt
world_furnish
recipe_file nginx.pam /etc/pam.d/nginx 644 root
verify_for www-data
patd_start
nginx_start
is 'its workers are not root' "$(ps -o user= --ppid "$NGINX" | sort -u)" www-data

give alice web --service nginx
is 'a request for a file is one authentication' "$(asked /files/report.txt)" 1
is 'one for a file that is not there, too' "$(asked /files/none)" 1
is 'one that is redirected inside, as for the index of a directory, is two' "$(asked /files/)" 2

give alice four --service nginx --uses 4
PORT=80/files/
with alice "$TOKEN"
is 'a token for 4 uses opens a directory' "$out" accepted
with alice "$TOKEN"
is 'twice' "$out" accepted
with alice "$TOKEN"
is 'and no more' "$out" refused
give alice odd --service nginx --uses 3
odd=$ID
with alice "$TOKEN"
with alice "$TOKEN"
is 'half of what a request takes opens nothing' "$out" refused
is 'and all 3 uses are gone' "$(field uses "$odd")" 3

PORT=80/files/report.txt
log_mark
workers=$(pgrep -P "$NGINX" | sort)
reload_often &
storm nginx nginx 16 100
wait "$!"
unlike 'it was loaded anew meanwhile' "$(pgrep -P "$NGINX" | sort)" "$workers"
give bob brief --service nginx
revoked_meanwhile 16 bob "$TOKEN" brief
unlike 'no worker crashed' "$(<"$W/nginx/log")" 'exited on signal'
PORT=80/files/ PER_LOGIN=2
give carol twice --service nginx
twice=$ID
many 16 <<<"twice 100 carol $TOKEN"
let_in 'a directory, by 16 at once' 100 twice
is 'each of its two authentications is counted' "$(counted_uses carol "$twice")" 200
ended "$NGINX"
end
