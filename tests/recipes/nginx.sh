# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), NGINX AND CURL: a web server that is not root, and so asks patd.

recipe_file nginx.pam /etc/pam.d/nginx 644 root
recipe_file files.conf /etc/nginx/conf.d/files.conf 644 root
recipe verify-for >"$W/tmp/verify-for"
mkdir -p /srv/www/files
echo 'all is well' >/srv/www/files/report.txt

# The certificate that the recipe does not tell how to get.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=host.example -addext subjectAltName=DNS:host.example \
		-keyout /etc/ssl/host.example.key -out /etc/ssl/host.example.pem
}

# fetch SECRET: asks for the file with that; $out is what the server says.
fetch() {
	run curl --silent --cacert /etc/ssl/host.example.pem -o /dev/null -w '%{http_code}' \
		-K - https://host.example/files/report.txt <<<"user = \"deploy:$1\""
}

nginx_recipes() {
	local nginx
	nginx -g 'daemon off;' </dev/null >"$W/nginx.out" 2>&1 &
	nginx=$!
	wait_for 5 curl --silent --insecure https://host.example/ -o /dev/null || diag "$(<"$W/nginx.out")"
	script_of curl
	mint deploy early --service nginx
	fetch "$TOKEN"
	is 'verify-for: without it, patd does not answer nginx' "$out" 401
	sed -i -e "/^verify_for/{r $W/tmp/verify-for" -e 'd}' /etc/security/pat.conf
	fetch "$TOKEN"
	is 'verify-for: with it, it does' "$out" 200
	run as deploy env -C /home/deploy CURL_CA_BUNDLE=/etc/ssl/host.example.pem \
		timeout 60 "$LIB/pty.exp" bash "$W/typed/curl" <<<"${PASSWORD[deploy]}"
	exited 'curl: a download with a token' 0
	like 'curl: the file' "$out" 'all is well'
	log_mark
	fetch "$(</home/deploy/.pat/files)"
	logged 'curl: nginx asked patd' \
		"patd\[[0-9]+\]: accepted token id=.* name=\"files\" user=\"deploy\" service=\"nginx\".*peer=\"uid=$(id -u www-data) "
	fetch "$(</home/deploy/.pat/host.example)"
	is 'nginx.pam: a token for another service is refused' "$out" 401
	fetch "${PASSWORD[deploy]}"
	is 'nginx.pam: a password is refused' "$out" 401
	run curl --silent --insecure -o /dev/null -w '%{http_code}' https://host.example/files/report.txt
	is 'files.conf: without a login there is nothing' "$out" 401
	as deploy patctl revoke -q files
	fetch "$(</home/deploy/.pat/files)"
	is 'curl: a revoked token is refused' "$out" 401
	kill "$nginx"
	wait "$nginx" 2>/dev/null
}

if ! command -v nginx >/dev/null || ! ls /usr/share/nginx/modules-available/*auth-pam* >/dev/null 2>&1; then
	recipe curl >/dev/null
	skip 'curl: a download from nginx' 'needs nginx with auth_pam'
elif ! command -v curl >/dev/null || ! command -v openssl >/dev/null; then
	recipe curl >/dev/null
	skip 'curl: a download from nginx' 'needs curl and openssl'
else
	ok 'a certificate' certificate
	nginx_recipes
fi
