#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# What the sweep must not take, what a revocation must take along, and limits that are no limits.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

service probe "$PAT_LINE" 'auth requisite pam_unix.so nodelay' 'account required pam_unix.so'

# accepted TEXT USER, refused_now TEXT USER: $TOKEN at the service probe.
accepted() {
	run login_as probe "$2" "$TOKEN"
	is "$1" "${out%%$'\n'*}" PAM_SUCCESS
}
refused_now() {
	run login_as probe "$2" "$TOKEN"
	is "$1" "${out%%$'\n'*}" PAM_AUTH_ERR
}

# --- revocation of what was rotated

give alice ci --service probe
OLD=$TOKEN
TOKEN=$(patctl rotate ci --user alice --overlap 24h 2>/dev/null)
accepted 'after a rotation the new token works' alice
TOKEN=$OLD accepted 'and the old one, while it overlaps' alice
log_mark
patctl revoke -q ci --user alice
logged 'the log has the old one, too' "revoked token id=${OLD:7:8} "
TOKEN=$OLD refused_now 'who revokes by the name ends both' alice

# --- a leak two rotations ago

give alice far --service probe
FIRST=$TOKEN
patctl rotate -q far --user alice >/dev/null
patctl rotate -q far --user alice >/dev/null
TOKEN=$FIRST refused_now 'a token that was rotated away is refused' alice
run patctl show far --user alice
like 'two rotations later show still tells who presents it' "$out" "refused .*${FIRST:7:8}|took its place"

# --- require_from

sed -i 's/^require_from.*/require_from = yes/' /etc/security/pat.conf
grep -q '^require_from' /etc/security/pat.conf || echo 'require_from = yes' >>/etc/security/pat.conf
for from in 0.0.0.0/1,128.0.0.0/1 ::/1,8000::/1 0.0.0.0/0; do
	run patctl create wide --user alice --service probe --from "$from"
	exited "$from is not where a token comes from" 5
done
run patctl create narrow --user alice --service probe --from 10.0.0.0/8,2001::/16,local
exited 'networks are' 0
sed -i 's/^require_from.*/require_from = no/' /etc/security/pat.conf

# --- what the sweep must not take

if command -v faketime >/dev/null; then
	useradd --no-create-home --non-unique --uid "$(id -u bob)" bob2
	give bob2 shared --service probe --expires 1y
	accepted 'a second name of a uid has tokens of its own' bob2
	faketime -f +1h patd --sweep >/dev/null
	faketime -f +26h patd --sweep >/dev/null
	accepted 'the sweep leaves them' bob2

	useradd --no-create-home dave
	give dave here --service probe --expires 1y
	cp /etc/passwd "$W/passwd"
	sed -i '/^dave:/d' /etc/passwd
	faketime -f +1h patd --sweep >/dev/null
	cp "$W/passwd" /etc/passwd
	run faketime -f +13h "$LIB/pam.py" probe dave <<<"$TOKEN"
	is 'an account that is back logs in' "${out%%$'\n'*}" PAM_SUCCESS
	sed -i '/^dave:/d' /etc/passwd
	run faketime -f +26h patd --sweep
	unlike 'away twice, and there in between, is not gone' "$out" 'revoked, because'
	run faketime -f +50h patd --sweep
	like 'gone for a day it is' "$out" 'revoked, because its account is gone'
	cp "$W/passwd" /etc/passwd
else
	skip 'the sweep takes what it must not' 'needs faketime'
fi

# --- the most tokens that a user may have

sed -i 's/^max_tokens.*/max_tokens = 1000/' /etc/security/pat.conf
useradd --no-create-home many
for block in 0 1 2 3 4; do
	for ((i = 200 * block; i < 200 * (block + 1); i++)); do
		printf '{"method":"io.pampat.Tokens.Create","parameters":{"name":"t%d","user":"many","services":["probe"]}}\n' $i
	done | timeout 60 "$LIB/peers.py" call /run/pat/io.pampat.Tokens
done >"$W/many"
is 'a thousand tokens are minted' "$(grep -c lnxpat_ "$W/many")" 1000
TOKEN=$(grep -o 'lnxpat_[0-9A-Za-z]*' "$W/many" | tail -n 1)
accepted 'the last of them works' many
run patctl create more --user many --service probe
exited 'there is no thousand and first' 5
is 'all are listed' "$(patctl list --user many --no-legend | wc -l)" 1000
run patctl revoke --all --user many
exited 'all are revoked at once' 0
refused_now 'and work no more' many
run patctl create again --user many --service probe
exited 'then there is room again' 0
run patstore check
exited 'and the store is sound' 0

# --- figures for monitoring

run patstore stats --prometheus
exited 'the figures come as text for Prometheus, too' 0
like 'with their kinds' "$out" '# TYPE pam_pat_tokens gauge'
like 'and their values' "$out" 'pam_pat_tokens\{status="active"\} [1-9]'
is 'each line is a comment or a figure' \
	"$(grep -cvE '^# (HELP|TYPE) |^[a-z_]+(\{[a-z]+="[a-z]+"\})? [0-9]+$' <<<"$out")" 0

end
