#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# pat.conf: each rule refuses what it forbids, with exit status 5 and by its name, and lets pass what
# it allows; sections for groups; groups of services; faults with their lines.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
for group in ci web contractors; do groupadd $group; done
usermod -aG ci,web alice
usermod -aG contractors bob
patd_start

CONF=/etc/security/pat.conf
cp $CONF "$W/pat.conf"

# conf LINE...: the whole file.
conf() {
	printf '%s\n' "$@" >$CONF
	chmod 644 $CONF
}

SERIAL=0

# violates RULE WHERE USER OPTIONS: root asks for that user, needs no password, and is bound by policy.
violates() {
	local rule=$1 where=$2 user=$3
	shift 3
	run patctl create --user "$user" "$@" "no$((++SERIAL))"
	exited "$rule forbids $user${*:+ $*}: exit status 5" 5
	like "$rule forbids $user${*:+ $*}: the message names it" "$err" "\\($rule, $where\\)"
	is "$rule forbids $user${*:+ $*}: nothing on standard output" "$out" ''
}

# mints RULE USER OPTIONS: it is allowed. The token is in $TOKEN and $ID.
mints() {
	local rule=$1 user=$2
	shift 2
	run patctl create --user "$user" "$@" "yes$((++SERIAL))"
	exited "$rule lets $user pass${*:+ with $*}" 0
	TOKEN=$out ID=${out:7:8}
}

# lives SECONDS: how long the last one does, give or take a minute.
lives() {
	local left
	left=$(($(date -d "$(field expires_at "$ID" "$1")" +%s) - $(date +%s)))
	ok "it lives for $2 seconds" test $((left - $2)) -ge -60 -a $((left - $2)) -le 60
}

# rule NAME [USER]: its value, and where it comes from.
rule() {
	as "${2:-alice}" patctl policy --json | /usr/bin/python3 -c '
import json, sys
for rule in json.load(sys.stdin):
    if rule["name"] == sys.argv[1]:
        print(rule["value"], "|", rule["origin"])' "$1"
}

# --- each rule

conf 'max_lifetime = 10d'
violates max_lifetime 'pat.conf line 1' bob --expires 11d
violates max_lifetime 'pat.conf line 1' bob --expires never
mints max_lifetime bob --expires 10d
mints 'the default, cut to max_lifetime,' bob
lives bob $((10 * 86400))

conf 'max_lifetime = none' 'default_lifetime = 3h'
mints max_lifetime bob --expires never
is 'and there is no end' "$(field expires_at "$ID" bob)" null
mints default_lifetime bob
lives bob $((3 * 3600))

conf 'allowed_services = sshd, sudo'
violates allowed_services 'pat.conf line 1' bob --service su
violates allowed_services 'pat.conf line 1' bob --service sshd,su
violates allowed_services 'pat.conf line 1' bob --service @local
mints allowed_services bob --service sudo-i

conf 'allowed_services = sudo'
violates default_services 'built in and pat.conf line 1' bob
like 'and says which services there are' "$err" '--service: sudo'
conf 'default_services = login, su'
mints default_services bob
is 'and these are its services' "$(field services "$ID" bob)" '["login", "su"]'

conf 'require_from = yes'
violates require_from 'pat.conf line 1' bob
violates require_from 'pat.conf line 1' bob --from ::/0
mints require_from bob --from 192.0.2.0/24,local
is 'and it is limited' "$(field sources "$ID" bob)" '["192.0.2.0/24", "local"]'

conf 'require_description = yes'
violates require_description 'pat.conf line 1' bob
violates require_description 'pat.conf line 1' bob --description ''
mints require_description bob --description 'nightly backup'

conf 'allow_users = alice carol'
violates allow_users 'pat.conf line 1' bob
mints allow_users alice
conf 'allow_groups = ci, web'
violates allow_groups 'pat.conf line 1' bob
mints allow_groups alice
conf '' 'deny_groups = contractors'
violates deny_groups 'pat.conf line 2' bob
like 'and it is said which group' "$err" contractors
mints deny_groups carol
conf 'allow_users = bob' 'allow_groups = ci'
violates allow_groups 'pat.conf line 2' bob
violates allow_users 'pat.conf line 1' alice

conf 'allow_root = no'
violates allow_root 'pat.conf line 1' root
conf ''
violates allow_root 'built in' root
conf 'allow_root = yes'
mints allow_root root

as carol patctl revoke -q --all
conf 'max_tokens = 2'
mints max_tokens carol
mints max_tokens carol
run patctl create --user carol third
exited 'max_tokens forbids a third: exit status 5' 5
like 'max_tokens forbids a third: the message names it' "$err" max_tokens
conf 'max_tokens = 0'
run patctl create --user bob none
exited 'max_tokens = 0 forbids any: exit status 5' 5
like 'max_tokens = 0 forbids any: the message names it' "$err" max_tokens

conf 'max_lifetime = none'
for service in patd passwd chpasswd chfn chsh useradd usermod userdel chage; do
	run patctl create --user bob --service sshd,$service "no$((++SERIAL))"
	exited "no token is for $service, whatever the file says: exit status 5" 5
	like "no token is for $service: the message says so" "$err" "service $service, .*always refused"
done

# A user is bound as root is, and hears of it before they type a password.
conf 'require_description = yes'
run as bob timeout 20 patctl create --password-stdin mine </dev/null
exited 'a user is refused without having to authenticate' 5
like 'by the same rule' "$err" '\(require_description, pat.conf line 1\)'
log_mark
run as bob timeout 20 patctl create --password-stdin mine <<<"${PASSWORD[bob]}"
exited 'and with it' 5
logged 'which is in the log' 'patd\[[0-9]+\]: refused to mint for user="bob" uid=[0-9]+: rule require_description'

# --- sections

conf 'max_lifetime = 1y' 'allowed_services = sshd, sudo, su' \
	'[group ci]' 'max_lifetime = 30d' 'require_description = yes' \
	'[group web]' 'max_lifetime = 60d' 'allowed_services = sshd, su' 'default_services = sshd' \
	'[group contractors]' 'max_lifetime = 1d' 'max_tokens = 0'
violates max_lifetime '\[group ci\] line 4' alice --expires 31d -d x
violates require_description '\[group ci\] line 5' alice
violates allowed_services '\[group web\] line 8' alice --service sudo -d x
mints 'the strictest of two sections' alice --expires 30d -s su -d x
mints 'the default, cut by a section,' alice -d x
lives alice $((30 * 86400))
run patctl create --user bob "no$((++SERIAL))"
exited 'a section holds for its own group' 5
mints 'no section' carol --expires 364d --service sudo
gpasswd -d alice ci >/dev/null
mints 'a section that one has left' alice --expires 59d
violates max_lifetime '\[group web\] line 7' alice --expires 61d
usermod -aG ci alice
usermod -g contractors carol
run patctl create --user carol "no$((++SERIAL))"
exited 'a primary group counts, too' 5
usermod -g carol carol

conf 'max_lifetime = 10d' 'require_from = yes' 'allowed_services = sshd' \
	'[group ci]' 'override = yes' 'max_lifetime = 2y' 'require_from = no' \
	'allowed_services = @remote, sudo' '[group web]' 'max_lifetime = 1y'
mints 'a section that overrides' alice --expires 364d --service sudo,vsftpd
violates max_lifetime '\[group web\] line 10' alice --expires 366d
violates allowed_services '\[group ci\] line 8' alice --service su
violates require_from 'pat.conf line 2' carol
violates max_lifetime 'pat.conf line 1' carol --from local --expires 11d

# --- groups of services

conf '@web = nginx, apache2' 'default_services = @web'
mints '@web by default' bob
is 'and it is expanded' "$(field services "$ID" bob)" '["nginx", "apache2"]'
mints '@web and others' bob --service sshd,@web,sudo
is 'and all of them are there' "$(field services "$ID" bob)" '["sshd", "nginx", "apache2", "sudo"]'
mints '@remote' bob --service @remote
like 'and it has those of the network' "$(field services "$ID" bob)" '"sshd".*"cockpit".*"vsftpd".*"dovecot"'
unlike 'but not sudo' "$(field services "$ID" bob)" sudo
conf '@remote = sshd'
mints '@remote, defined anew,' bob --service @remote
is 'and that is all' "$(field services "$ID" bob)" '["sshd"]'
run patctl create --user bob --service @nowhere "no$((++SERIAL))"
exited 'a group that there is not is a usage error' 2
is 'and nothing is minted' "$out" ''

# --- what exists is not touched

conf 'max_lifetime = none'
mints 'before' bob --expires never --service login
conf 'max_lifetime = 1d' 'allowed_services = sshd' 'deny_groups = contractors' 'require_from = yes'
stack login
run login_as login bob "$TOKEN"
exited 'a token that policy would now refuse still works' 0
ok 'and can be revoked' as bob patctl revoke -q "$ID"

# --- patctl policy

conf 'max_lifetime = 1y' '# none' 'allowed_services = sshd, sudo, su' 'deny_groups = contractors' \
	'@web = nginx' '[group ci]' 'max_lifetime = 30d' 'allowed_services = sshd, sudo-i, login'
is 'policy tells a value with its section' "$(rule max_lifetime)" '30d | [group ci] line 7'
is 'one that follows from it' "$(rule default_lifetime)" '30d | [group ci] line 7'
is 'one that two places make together' "$(rule allowed_services)" \
	'sshd,sudo-i | pat.conf line 3 and [group ci] line 8'
is 'one that nobody wrote' "$(rule max_tokens)" '50 | built in'
is 'the groups of services' "$(rule @web)" 'nginx | pat.conf line 5'
like 'those that are built in' "$(rule @remote)" '^sshd,.* \| built in$'
is 'another user has other rules' "$(rule max_lifetime carol)" '1y | pat.conf line 1'
is 'who may mint is told so' "$(rule may_create)" 'yes | no rule against it'
is 'who may not, and by which rule' "$(rule may_create bob)" 'no | deny_groups, pat.conf line 4'
run as alice patctl policy
exited 'policy is a table for people' 0
row=$(grep '^max_lifetime ' <<<"$out")
like 'with the value of a rule' "$row" ' 30d( |$)'
like 'and its origin' "$row" ' \[group ci\] line 7( |$)'
run patctl policy --user carol
exited "root may see another's" 0
run as carol patctl policy --user alice
exited 'others may not' 5

# --- faults

# fault LINE WORDS TEXT...: nothing is minted, and --check-config says the same.
fault() {
	local line=$1 words=$2
	shift 2
	conf "$@"
	run patctl create --user bob evil
	exited "$words: nothing is minted" 1
	like "$words: whoever asks hears of it" "$err" "$CONF line $line: .*$words"
	run patd --check-config $CONF
	exited "$words: --check-config fails" 1
	like "$words: and says the same" "$err" "$CONF line $line: .*$words"
	is "$words: on standard error" "$out" ''
}

fault 2 'longer than max_lifetime \(pat.conf line 1\)' 'max_lifetime = 30d' 'default_lifetime = 31d'
fault 1 'not in allowed_services' 'default_services = sshd, su' 'allowed_services = sshd'
fault 3 'no group of services "@nowhere"' '' '[group ci]' 'allowed_services = @nowhere'
fault 2 'the group web is in allow_groups' 'allow_groups = web' 'deny_groups = web'
fault 4 'longer than max_lifetime \(\[group ci\] line 3\)' '' '[group ci]' 'max_lifetime = 1d' \
	'default_lifetime = 2d'
fault 3 'nothing in common' 'allowed_services = sshd' '[group ci]' 'allowed_services = su'
fault 3 'began in line 1 already' '[group ci]' '[group web]' '[group ci]'
fault 2 'above all sections' '[group ci]' 'allow_root = yes'
fault 1 '\[group NAME\]' '[user alice]'
fault 2 'override must be yes or no' '[group ci]' 'override = 1'
fault 1 'must hold services, not groups' '@web = @remote'
fault 1 'unknown key "max_token"' 'max_token = 5'
run as bob patctl policy
exited 'with a file that is wrong, policy tells no rules' 1
like 'but what is wrong' "$err" "$CONF line 1: unknown key"

# --- what is remembered

# remembered: once the file has not been changed for some seconds, patd and those of its processes that wait for
# the next client remember it; the first two of those may still be of the time before.
remembered() {
	sleep 3.2
	for _ in 1 2 3; do patctl list --user alice >/dev/null; done
	sleep 0.3
}

conf 'allow_root = no ' 'max_tokens = 100'
remembered
violates allow_root 'pat.conf line 1' root
conf 'allow_root = yes' 'max_tokens = 100'
mints 'a change that leaves the size as it was, at the very next mint: it' root
conf 'allow_root = no ' 'max_tokens = 100'
violates allow_root 'pat.conf line 1' root
remembered
conf 'allow_root = yes' 'max_tokens = 100'
touch -r "$W/pat.conf" $CONF
mints 'one that hides its time, too: it' root
remembered
cp -p $CONF "$CONF.new"
conf 'allow_root = no ' 'max_tokens = 100'
mv "$CONF.new" $CONF
mints 'one that was taken back: it' root
sed 's/yes/no /' $CONF >"$CONF.new"
touch -r $CONF "$CONF.new"
mv "$CONF.new" $CONF
violates allow_root 'pat.conf line 1' root
chmod 666 $CONF
refuses_all() {
	run patctl create --user alice nothing
	exited "$1: nothing is minted" 1
	like "$1: and why" "$err" "$2"
}
refuses_all 'a file that others may write since' 'is not a regular file'
chmod 644 $CONF
mv $CONF "$CONF.away"
refuses_all 'a file that is gone' 'No such file'
mv "$CONF.away" $CONF
mints 'a file that is there again: it' alice
sed -i 's/^max_tokens.*/max_tokens = what/' $CONF
refuses_all 'a file with a fault since' 'line 2'

# --- patd --check-config

run patd --check-config "$W/pat.conf"
is 'the installed file is ok' "$rc$out$err" "0$W/pat.conf: ok"
cp "$W/pat.conf" /home/alice/pat.conf
chown alice /home/alice/pat.conf
run as alice /usr/sbin/patd --check-config /home/alice/pat.conf
is 'anybody may check a file of their own' "$rc$out$err" '0/home/alice/pat.conf: ok'
run patd --check-config /home/alice/pat.conf
exited "for root it is not ok: it is not root's" 1
cd "$W" || exit
run patd --check-config pat.conf
is 'a relative path is taken' "$rc$out$err" '0pat.conf: ok'
run patd --check-config "$W/nowhere"
exited 'no file is not ok' 1
like 'and it is said which' "$err" "$W/nowhere"
run patd --check-config
exited 'no argument is a usage error' 2
conf 'allow_groups = ci typo' '[group tpyo]'
run patd --check-config $CONF
exited 'groups that are not there are no fault: one file may be for many machines' 0
like 'but it is told which those are' "$err" "$CONF line 1: there is no group \"typo\""
like 'and where' "$err" "$CONF line 2: there is no group \"tpyo\""
unlike 'and nothing is said of the others' "$err" '"ci"'
example() {
	awk '/^\.Bd/ { n++; on = 1; next } /^\.Ed/ { on = 0 } on && n == want' want="$1" \
		"$SRC/man/pat.conf.5"
}
for number in 1 2; do
	example $number >"$W/example"
	ok "example $number of pat.conf(5) is there" test -s "$W/example"
	run patd --check-config "$W/example"
	is "example $number of pat.conf(5) is right" "$rc$err" 0
done
sed -n '/^# @web/s/^# //p; /^# \[group/,$s/^# //p' "$W/pat.conf" >"$W/example"
ok 'the installed file shows a group of services and a section' test "$(wc -l <"$W/example")" -eq 4
run patd --check-config "$W/example"
is 'which are right' "$rc$err" 0

end
