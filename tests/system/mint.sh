#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# Who may mint, and what for: fresh authentication by something that is not a token, and policy.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

CONF=/etc/security/pat.conf
cp $CONF "$W/pat.conf"

# create USER SECRET NAME [OPTIONS]
create() {
	as "$1" timeout 20 patctl create --password-stdin "${@:3}" <<<"$2"
}

names() {
	as "${1:-alice}" patctl list --json | /usr/bin/python3 -c '
import json, sys
print(*sorted(token["name"] for token in json.load(sys.stdin)))'
}

# --- with the password

log_mark
run create alice "${PASSWORD[alice]}" ci
is 'the password mints' "$rc" 0
like 'standard output is the token, and that alone' "$out" '^lnxpat_[0-9A-Za-z]{57}$'
unlike 'standard error does not have it' "$err" "${out:15:43}"
like 'the time it ends is shown, with its zone' "$err" '[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{5,8} [A-Z+-]'
TOKEN=$out ID=${out:7:8}
logged 'one line says who made what for whom' \
	"^<8[5-7]>.*patd\[[0-9]+\]: created token id=$ID name=\"ci\" user=\"alice\" uid=$(id -u alice) services=\"sshd\" sources=\"\" expires=[0-9-]+T[0-9:]+Z by=alice\($(id -u alice)\)\$"
expires=$(date -d "$(field expires_at "$ID")" +%s)
ok 'it lives for the 90 days of pat.conf' test \
	$((expires - $(date +%s) - 90 * 86400)) -ge -60 -a $((expires - $(date +%s) - 90 * 86400)) -le 60

run as alice "$LIB/pty.exp" patctl create onterminal <<<"${PASSWORD[alice]}"
is 'on a terminal the password is asked for' "$rc" 0
unlike 'and not shown' "$out" "${PASSWORD[alice]}"
like 'and the token is' "$out" 'lnxpat_[0-9A-Za-z]{57}'

# shellcheck disable=SC2016
run as alice "$LIB/pty.exp" bash -c 'T=$(patctl create captured); echo "length ${#T}"' \
	<<<"${PASSWORD[alice]}"
# shellcheck disable=SC2016
like 'T=$(patctl create ...) takes the token and nothing else' "$out" 'length 64'

# --- without it

BEFORE=$(names)

refused_with() {
	exited "$1: exit status $2" "$2"
	is "$1: nothing on standard output" "$out" ''
	ok "$1: a message" test "$err"
	is "$1: nothing was minted" "$(names)" "$BEFORE"
}

run create alice 'not the password' evil
refused_with 'a wrong password' 4
run create alice "${PASSWORD[bob]}" evil
refused_with "another's password" 4
run as alice timeout 20 patctl create evil --password-stdin </dev/null
refused_with 'no password' 4

log_mark
run create alice "$TOKEN" evil
refused_with 'a token in its place' 4
logged 'a token in its place: is in the log' 'patd\[[0-9]+\]: .*user="alice"'
run create alice "secret-token:$TOKEN" evil
refused_with 'a token with a wrapper in its place' 4

give alice master --service sshd,sudo,su,login
MASTER=$TOKEN BEFORE=$(names)
ok 'the token is a good one' as alice patctl verify <<<"$MASTER"
cp /etc/pam.d/patd "$W/patd.pam"
for line in 'auth sufficient pam_pat.so' "$PAT_LINE" 'auth required pam_pat.so' \
	'auth [default=ignore success=done auth_err=done] pam_pat.so'; do
	{ echo "$line" && grep -v '^#%' "$W/patd.pam"; } >/etc/pam.d/patd
	log_mark
	run create alice "$MASTER" evil
	logged "patd's stack begins with \`$line': the log says why" \
		"refused token id=${MASTER:7:8} .*service=\"patd\".* reason=service"
	exited "patd's stack begins with \`$line': a token is refused" 4
	is "patd's stack begins with \`$line': nothing was minted" "$(names)" "$BEFORE"
done
echo 'auth sufficient pam_pat.so' >/etc/pam.d/patd
run create alice "${PASSWORD[alice]}" evil
exited 'a stack of pam_pat.so alone lets nobody mint, by password' 4
run create alice "$MASTER" evil
exited 'nor by token' 4
{ echo "$PAT_LINE" && cat "$W/patd.pam"; } >/etc/pam.d/patd
run create alice "${PASSWORD[alice]}" nice
exited 'the documented line there is harmless to the password' 0
cp "$W/patd.pam" /etc/pam.d/patd
as alice patctl revoke -q --all

passwd -q -l alice
run create alice "${PASSWORD[alice]}" evil
exited 'a locked account mints nothing' 4
passwd -q -u alice
chage -E 0 alice
run create alice "${PASSWORD[alice]}" evil
exited 'an expired account mints nothing' 4
chage -E -1 alice

# --- an account with no rights at all

useradd --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --gid nogroup dave
echo 'dave:dave: Sesame 4' | chpasswd
run setpriv --reuid=dave --regid=nogroup --clear-groups --bounding-set=-all --inh-caps=-all \
	--no-new-privs --reset-env timeout 20 patctl create ci --password-stdin <<<'dave: Sesame 4'
is 'it mints for itself' "$rc" 0
like 'and gets a token' "$out" '^lnxpat_[0-9A-Za-z]{57}$'
run as dave patctl revoke ci
is 'and revokes it' "$rc" 0
run setpriv --reuid=nobody --regid=nogroup --clear-groups --reset-env patctl list --json
is 'nobody has an empty list' "$(tr -d ' \n' <<<"$out")" '[]'

# --- root

run patctl create forbob --user bob
is 'root mints for another without a password' "$rc" 0
is 'and it is theirs' "$(names bob)" forbob
run patctl create own
exited 'root itself gets none' 5
log_mark
run patctl create forghost --user ghost
refused 'nor does a user who does not exist'
unlike 'and there is no token' "$out" lnxpat_

as_sudo() {
	as alice timeout 20 sudo -S -p '' "$@" <<<"${PASSWORD[alice]}"
}
run as_sudo patctl create surprise
refused 'root that came through sudo must say for whom'
like 'and is told how' "$err" '--user'
is 'and nobody got a token' "$(names) $(names bob)" ' forbob'
for command in 'list' 'revoke forbob'; do
	# shellcheck disable=SC2086
	run as_sudo patctl $command
	refused "so too for $command"
	like "and is told how for $command" "$err" '--user'
done
run as_sudo patctl create said --user alice
is 'with --user it is done' "$rc" 0
is 'for whom it said' "$(names)" said

# --- policy

# conf LINE...: the installed file with these lines instead of its own for these keys.
conf() {
	local line
	cp "$W/pat.conf" $CONF
	for line; do
		sed -i "/^${line%% *} /d" $CONF
		echo "$line" >>$CONF
	done
}

# violates WHAT OPTIONS: bob, by root, who needs no password but is bound by policy, too.
violates() {
	run patctl create --user bob "${@:2}" "refused $1"
	exited "$1 is refused by policy" 5
	ok "$1: a message" test "$err"
	is "$1: nothing on standard output" "$out" ''
}

conf
violates 'more than max_lifetime' --expires 3y
violates 'never, with a max_lifetime' --expires never
for service in patd passwd chpasswd chfn chsh useradd usermod userdel chage; do
	violates "the service $service" --service "$service"
done
violates 'a forbidden service among others' --service sshd,passwd
run create bob "${PASSWORD[bob]}" evil --expires 3y
exited 'policy binds a user, too' 5

conf 'allow_root = no' 'allowed_services = sshd, sudo'
violates 'a service that is not allowed' --service su
run patctl create --user bob allowed --service sudo
exited 'one that is allowed is minted' 0
run patctl create --user bob allowed2 --service sudo-i
diag "sudo-i under allowed_services = sudo: status $rc"

conf 'max_tokens = 1'
violates 'one more than max_tokens'
as bob patctl revoke -q --all
run patctl create --user bob within
exited 'revoked ones do not count' 0

conf 'max_lifetime = none'
run patctl create --user bob always --expires never
exited 'never, without a max_lifetime, is minted' 0
is 'and never ends' "$(field expires_at "${out:7:8}" bob)" null

conf 'default_lifetime = 1h' 'default_services = sshd, su'
give bob short
is 'default_services is used' "$(field services "$ID" bob)" '["sshd", "su"]'
left=$(($(date -d "$(field expires_at "$ID" bob)" +%s) - $(date +%s)))
ok 'default_lifetime is used' test $left -gt 3500 -a $left -le 3600

conf 'allow_root = yes'
run patctl create own
exited 'allow_root = yes: root gets one' 0
conf
is 'policy never touches what exists' "$(patctl list --no-legend | wc -l)" 1
patctl revoke -q own

# --- a policy that is wrong

# broken WHAT [PATTERN]: nothing is minted, the fault is named, and all else goes on.
broken() {
	log_mark
	run patctl create --user bob evil
	exited "$1: nothing is minted" 1
	is "$1: nothing on standard output" "$out" ''
	like "$1: whoever asks is told where" "$err" "$CONF${2:-}"
	logged "$1: and so is the log" "patd\[[0-9]+\]: .*$CONF${2:-}"
	run create bob "${PASSWORD[bob]}" evil
	exited "$1: nor for a user with their password" 1
	ok "$1: listing goes on" as bob patctl list
	ok "$1: verifying goes on" as bob patctl verify <<<"$TOKEN"
}

# at LINES WORDS: the installed file with this line after those many lines.
at() {
	head -n "$1" "$W/pat.conf" >$CONF
	printf '%s\n' "$2" >>$CONF
	tail -n "+$(($1 + 1))" "$W/pat.conf" >>$CONF
}

at 3 'max_tokens = many'
broken 'a value that is none' '.*\b4\b'
at 0 'no_such_key = 1'
broken 'a key that is none' '.*\b1\b'
at 5 'max_tokens'
broken 'a line that is none' '.*\b6\b'
at 2 '[section]'
broken 'a section' '.*\b3\b'
at 0 'max_tokens = 1'
broken 'a key that stands twice'
at 1 'allow_root = perhaps'
broken 'neither yes nor no' '.*\b2\b'
cp "$W/pat.conf" $CONF
chmod 666 $CONF
broken 'a file that others may write'
chmod 644 $CONF
chown bob $CONF
broken "a file that is a user's"
chown root $CONF
mv $CONF $CONF.away
broken 'no file'
mkdir $CONF
broken 'a directory'
rmdir $CONF
mkfifo $CONF
broken 'a FIFO'
rm $CONF
mv $CONF.away $CONF
ok 'revoking is never stopped' as bob patctl revoke short
run patctl create --user bob mended
exited 'the mended file is used at once' 0

end
