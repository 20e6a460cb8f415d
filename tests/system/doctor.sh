#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# patctl doctor: for each thing that may be wrong, a system in which just that is wrong (tests/doctor);
# nothing to find in what is documented, nor in this machine's own stacks; what only shows where patd
# runs; and that the module has the same opinion of its options. unit/test_doctor_libpam has that of libpam.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

CASES=$SRC/tests/doctor
ROOT=$W/root

# findings: of the JSON in $out, each as ID FILE:LINE, sorted.
findings() {
	/usr/bin/python3 -c '
import json, sys
for f in json.load(sys.stdin)["findings"]:
    print(f["id"], (f["file"] or "-") + (f":{f['\''line'\'']}" if f["line"] else ""))' <<<"$out" | sort
}

# image BASE [CASE]: the system of a case at $ROOT, with as much of a file for each module that a stack
# names as is looked at.
image() {
	local base=$CASES/$1 security libpam module
	rm -rf "$ROOT"
	mkdir "$ROOT"
	cp -r "$base/base/." "$ROOT"
	cp "$SRC/etc/patd.pam.$1" "$ROOT/etc/pam.d/patd"
	[ -z "${2-}" ] || cp -r "$base/$2/." "$ROOT"
	if [ "$1" = debian ]; then
		security=usr/lib/x86_64-linux-gnu/security libpam='... @include ...'
	else
		security=usr/lib64/security libpam='...'
	fi
	mkdir -p "$ROOT/$security"
	echo "$libpam" >"$ROOT/${security%/*}/libpam.so.0"
	while read -r module; do
		: >"$ROOT/$security/$module"
	done < <(grep -rhoE 'pam_[a-z0-9_]+\.so' "$ROOT/etc/pam.d" "$ROOT/usr/lib")
	rm -f "$ROOT/$security"/pam_gone*.so "$ROOT/$security/pam_ck_connector.so"
	cp "$MODULES/pam_permit.so" "$BUILD/pam_pat.so" "$ROOT/$security"
	# Where there is one, what the case has beside files.
	[ ! -e "$ROOT/setup" ] || (cd "$ROOT" && sh -e setup) || bail "no image of $*"
}

# examine [OPTION...]: leaves the findings in $found.
examine() {
	run patctl doctor --root "$ROOT" --json "$@"
	found=$(findings)
}

MODULES=$(dirname "$(find /usr/lib /lib -name pam_permit.so -path '*/security/*' 2>/dev/null | head -n 1)")

# --- each finding, and nothing else

declare -A MET=()
for case in "$CASES"/*/*/expect; do
	base=${case#"$CASES"/}
	name=${base%/expect}
	base=${base%%/*}
	image "$base" "${name#*/}"
	examine
	want=$(sed "s|MODULE|/usr/lib/x86_64-linux-gnu/security/pam_pat.so|" "$case" | sort)
	is "$name: just that is found" "$found" "$want"
	wrong=0
	while read -r id place; do
		[ -z "$id" ] || MET[$id]=$place
		severity=$(grep -o "{\"$id\", DOCTOR_[A-Z]*}" "$SRC/helper/patctl/doctor_find.c")
		[[ ! $severity =~ ERROR|WARNING ]] || wrong=1
	done <<<"$want"
	is "$name: the exit status says whether something is to be mended" "$rc$err" "$wrong"
done

# Who restored what is no backup, and made a lock, never had one.
image debian store-missing
run patctl doctor --root "$ROOT"
like 'a store that is missing is not said to have been there' "$out" "it[[:space:]]+is[[:space:]]+gone,[[:space:]]+or[[:space:]]+could"

# The services of $out.
services() {
	/usr/bin/python3 -c 'import json, sys; print(*json.load(sys.stdin)["services"])' <<<"$out"
}

# By common-auth the line is in the stacks of those, too, by which accounts are changed; and by `other` in
# all that do not authenticate.
image debian pam-auth-update
echo '@include common-auth' >"$ROOT/etc/pam.d/chfn"
echo '@include common-password' >"$ROOT/etc/pam.d/newusers"
run patctl doctor --root "$ROOT"
like 'those that take tokens are told' "$out" 'Tokens are taken by: .*sshd, '
unlike 'without those that never do' "$out" 'Tokens are taken by: .*(chfn|newusers|passwd|patd)'
run patctl doctor --root "$ROOT" --json
unlike 'nor has the JSON them' " $(services) " ' (chfn|newusers|passwd|patd) '

# --- what is documented

image debian
examine
is "Debian's stacks with the documented line: nothing" "$rc $found" '0 '
image fedora
examine
is "Fedora's stacks with the documented line: nothing" "$rc $found" '0 '

# documented FILE: the stacks that it prints, as DISTRIBUTION/SERVICE files in $W/documented.
documented() {
	rm -rf "$W/documented"
	/usr/bin/python3 - "$1" "$W/documented" <<'END'
import os, re, sys

source, target = sys.argv[1:]
system, name, stacks, taking = "debian", None, {}, False
for line in open(source):
    if re.match(r"# ----|\.Ss ", line):
        system, name = "fedora" if "Fedora" in line else "debian", None
    elif found := re.search(r"(?:^# |^\.Pa )/etc/pam\.d/(\S+)", line):
        name, taking = found[1].rstrip(","), source.endswith("example")
        also = re.search(r"in /etc/pam.d/(sudo-i)", line)
        stacks[system, name] = []
        if also or name == "sudo-i":
            stacks[system, "sudo-i"] = stacks[system, name]
    elif line.startswith((".Bd", ".Ed")):
        taking = line.startswith(".Bd")
        if not taking:
            name = None
    elif taking and name and line.strip() and not line.startswith((".", "#")):
        stacks[system, name].append(line.replace("\\-", "-").replace("\\e", "\\"))
for (system, name), lines in stacks.items():
    if any("pam_pat" in line for line in lines):
        os.makedirs(f"{target}/{system}", exist_ok=True)
        with open(f"{target}/{system}/{name}", "w") as file:
            file.writelines(lines)
END
}

for source in etc/pam.d.example man/pam_pat.8; do
	documented "$SRC/$source"
	is "$source has stacks for both" "$(ls "$W/documented")" $'debian\nfedora'
	for system in debian fedora; do
		image $system
		for stack in "$W/documented/$system"/*; do
			# Account and session are the distribution's.
			kept=$(grep -vE '^(auth|@include common-auth)' "$ROOT/etc/pam.d/${stack##*/}")
			cat "$stack" - <<<"$kept" >"$ROOT/etc/pam.d/${stack##*/}"
		done
		examine
		is "the stacks of $source for $system: nothing" "$rc $found" '0 '
	done
done
image debian
documented "$SRC/man/pat.7"
cp "$W/documented/debian/"* "$ROOT/etc/pam.d/"
for module in pam_listfile pam_shells; do
	: >"$ROOT/usr/lib/x86_64-linux-gnu/security/$module.so"
done
examine
is 'the stacks of pat(7): one is for tokens alone' "$found" 'stack/tokens-only /etc/pam.d/nginx:1'

# --- names

is 'every finding has a case' \
	"$(grep -oE '"[a-z]+/[a-z-]+", DOCTOR' "$SRC/helper/patctl/doctor_find.c" | cut -d'"' -f2 |
		while read -r id; do [ "${MET[$id]-}" ] || printf '%s ' "$id"; done)" 'policy/wrong patd/unreachable patd/unsafe clock/not-set '
is 'every finding is documented, with its severity' \
	"$(sed -n 's/^\.It Li \([a-z]*\/[a-z-]*\)\( Pq \(.*\)\)\{0,1\}$/\1 \3/p' "$SRC/man/patctl.1" | sort)" \
	"$(sed -nE 's/^\t\{"([a-z]+\/[a-z-]+)", DOCTOR_(.*)\},$/\1 \L\2/p' "$SRC/helper/patctl/doctor_find.c" |
		sed 's/ error$/ /' | sort)"

# --- what is said

image debian stack-token-leaves-host
run patctl doctor --root "$ROOT"
like 'it says what is wrong, where, and for which service' "$out" \
	'stack/token-leaves-host  /etc/pam.d/web:1  \(web\)'
like 'to whom a token goes' "$(tr -s ' \n' ' ' <<<"$out")" \
	'handed on to pam_sss.so \(/etc/pam.d/web:3\), and so to another machine'
like 'and what to write' "$(tr -s ' \n' ' ' <<<"$out")" "-> .*: ${PAT_LINE//[\[\]]/.}"
is 'in lines that fit a terminal' "$(awk 'length > 80' <<<"$out")" ''
run patctl doctor --root "$ROOT" -q
unlike 'with --quiet, nothing but findings' "$out" 'Findings|Tokens are taken'
examine --service sudo
is 'with --service, that service alone' "$rc$found" 0
examine --service sudo,passwd
is 'and one that takes no tokens is named' "$found" 'stack/none -'
run patctl doctor --root /nowhere
exited 'a root that is not there is a failure' 1
is 'and nothing is said about it but that' "$out$err" 'patctl: /nowhere: No such file or directory'

image debian stack-no-delay
run patctl doctor --root "$ROOT"
like 'what lets time tell is named' "$(tr -s ' \n' ' ' <<<"$out")" \
	'pam_unix.so \(/etc/pam.d/common-auth:2\) asks for a delay; for one that there is, a wrong token is refused at once'
like 'and what ends it' "$(tr -s ' \n' ' ' <<<"$out")" '-> .*: auth optional pam_faildelay.so delay=2000000'
exited 'but nothing has to be mended' 0

# Links of an image lead nowhere out of it.
image debian
rm "$ROOT/etc/pam.d/sshd"
ln -s /etc/pam.d/elsewhere "$ROOT/etc/pam.d/sshd"
echo 'auth required pam_pat.so nonsense' >/etc/pam.d/elsewhere
cp "$CASES/debian/base/etc/pam.d/sshd" "$ROOT/etc/pam.d/elsewhere"
sed -i 's/pam_pat.so$/pam_pat.so other-nonsense/' "$ROOT/etc/pam.d/elsewhere"
examine --service sshd
run patctl doctor --root "$ROOT" --service sshd
like 'a link in an image is followed within it' "$out" "'other-nonsense'"
rm /etc/pam.d/elsewhere

# What others may have written in a stack is shown, and obeyed by no terminal.
image debian stack-wrong-option
sed -i $'s/store=.*/\e[2J\a\xff/' "$ROOT/etc/pam.d/web"
run patctl doctor --root "$ROOT"
like 'control characters are escaped' "$out" '\\x1b\[2J\\x07'
run patctl doctor --root "$ROOT" --json
ok 'and JSON is JSON' /usr/bin/python3 -c 'import json, sys; json.loads(sys.argv[1])' "$out"

# --- the module agrees about its options

image debian stack-wrong-option
for option in debug try_first_pass use_first_pass store=/a store= store=a socket=/a "socket=/$(printf 'a%.0s' {1..110})" \
	prompt=x prompt= '[prompt=Token or password: ]' Debug debug= 'store=/a store=/b' 'prompt=x prompt=y' \
	'debug debug' nullok 'store=/a socket=/b prompt=c debug' stores=/a; do
	service probe "auth required pam_pat.so $option" 'account required pam_permit.so'
	printf 'auth required pam_pat.so %s\naccount required pam_permit.so\n' "$option" >"$ROOT/etc/pam.d/web"
	run login_as probe alice 'no token'
	answer=$out
	examine --service web
	is "'$option' is an option, or none, to both" \
		"$(grep -c stack/wrong-option <<<"$found")" "$(grep -c PAM_SERVICE_ERR <<<"$answer")"
done
rm /etc/pam.d/probe

# --- a machine where patd runs

sed -i '$a session optional pam_pat.so' /etc/pam.d/sshd /etc/pam.d/login
rm -f /etc/pam.d/*.dpkg-*
here() {
	run patctl doctor --json
	found=$(findings)
}
here
is 'without patd, both sockets are missed' "$found" \
	$'patd/unreachable /run/pat/io.pampat.Tokens\npatd/unreachable /run/pat/verify'
exited 'which is to be mended' 1
patd_start
here
is "this machine's own stacks with the documented line: nothing" "$rc $found$err" '0 '
run as alice patctl doctor
like 'a user hears that nothing is wrong' "$out" 'Nothing is wrong'
like 'and what could not be seen' "$out" 'Not seen: /var/lib/pat/tokens.tdb: Permission denied'
give alice ci
here
is 'nor with a store' "$rc $found" '0 '

echo 'max_lifetime = soon' >/etc/security/pat.conf
here
is 'a policy that patd cannot use is found' "$found" 'policy/wrong /etc/security/pat.conf'
: >/etc/security/pat.conf
chmod 775 /run/pat
here
is 'a directory of sockets that others may write is found' "$found" 'patd/unsafe /run/pat'
chmod 755 /run/pat
patd_stop
install -d -o bob /run/bob
announced "$W/player" exec_as bob /usr/bin/python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind("/run/bob/verify")
s.listen(9)
print("here", flush=True)
time.sleep(60)' || bail 'nobody plays patd'
PLAYER=$!
patd_start
mv /run/bob/verify /run/pat/verify
here
is 'somebody who plays patd is found' "$found" 'patd/unsafe /run/pat/verify'
kill $PLAYER
patd_stop

if [ "${PAT_SANITIZED-}" ]; then
	skip 'a clock that was never set is found' 'faketime and sanitizers cannot both come first'
else
	run faketime '2001-01-01' patctl doctor --json
	like 'a clock that was never set is found' "$(findings)" 'clock/not-set -'
fi

end
