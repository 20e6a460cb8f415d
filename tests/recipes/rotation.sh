# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# pat(7), SCOPE AND ROTATION.

recipe_asked deploy scope
exited 'scope: a token for one place, for a month' 0
run as deploy patctl show backup --json
is 'scope: is what it says' "$(/usr/bin/python3 -c '
import json, sys
token = json.load(sys.stdin)
print(token["services"], sorted(token["sources"]), token["description"])' <<<"$out")" \
	"['sshd'] ['192.0.2.7', '2001:db8::/64'] runner 7, nightly"
log_mark
not 'scope: from anywhere else it is refused' ssh_with password "$(</home/deploy/.pat/backup)" deploy true
logged 'scope: for that reason' 'refused token .* name="backup" .* reason=source'

old=$(</etc/nightly/token)
recipe_run root rotate
exited 'rotate: root renews the token of the service account' 0
new=$(</etc/nightly/token)
ok 'rotate: the file has another token' test "$old" != "$new"
is "rotate: it is root's alone" "$(stat -c '%U %a' /etc/nightly/token)" 'root 600'
ok 'rotate: the new one logs in' ssh_with password "$new" deploy true
ok 'rotate: and so does the old one, for its hour' ssh_with password "$old" deploy true
run patctl list --user deploy --json
is 'rotate: after it, it ends' "$(/usr/bin/python3 -c '
import datetime, json, sys
for token in json.load(sys.stdin):
    if token["id"] == sys.argv[1]:
        end = datetime.datetime.fromisoformat(token["expires_at"].replace("Z", "+00:00"))
        left = (end - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
        print(3500 < left <= 3600)' "${old:7:8}" <<<"$out")" True

as deploy patctl revoke -q --all
mint deploy later --expires 60d
recipe_run deploy expiring
exited 'expiring: nothing ends within a week' 0
mint deploy soon --expires 6d
recipe_run deploy expiring
exited 'expiring: one does' 1
like 'expiring: and it is shown' "$out" soon
unlike 'expiring: the others are not' "$out" later
