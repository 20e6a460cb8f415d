#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Where secrets are after all that one does with tokens: in no file, log, store, backup, core, environment or
# history, and not in the memory of what is still running. In any form: whole, in parts of 12 characters, in
# hexadecimal, base64, UTF-16. With PAT_SECONDS, again and again with others, so long.
#
# The suites leaks and host look at command lines while they are there, and at the memory of a PAM host.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
for name in sshd sudo su; do stack $name debug; done
ulimit -c unlimited
patd_start --debug
sshd_start

TOKENS=/run/pat/io.pampat.Tokens
SECRETS=$W/keep/secrets
SEARCH=$W/search.py
cp "$SRC/tests/torture/secrets_search.py" "$SEARCH"
# Where nothing is searched: what the tests themselves keep.
OURS=$W/keep/ours
mkdir -m 1777 "$OURS"
for user in alice bob carol; do echo "password ${PASSWORD[$user]}"; done >"$SECRETS"
# The words of the world itself have the passwords.
rm -rf "$LIB/world.sh" "$W/over/upper-usr/share/man"

# secret TOKEN: look for it and its hash.
secret() {
	echo "token $1" >>"$SECRETS"
	echo "hash $1" >>"$SECRETS.hashes"
}

# nothing TEXT COMMAND...: the search found nothing.
nothing() {
	local text=$1
	shift
	run "$SEARCH" "$@"
	is "$text" "$(head -n 8 <<<"$out$err")" ''
}

# --- a search that finds

probe_search() {
	local token form
	give carol sought --service sshd
	token=$TOKEN
	secret "$token"
	mkdir -p "$OURS/found"
	for form in "cat" "base64" "base64 -w 8 | tr -d '\\n'" "xxd -p -c 200" "xxd -p -u -c 200" "rev" "iconv -t UTF-16LE"; do
		case $form in
		xxd*) command -v xxd >/dev/null || continue ;;
		esac
		bash -c "printf 'ab%s' ${token:20:30} | $form" >"$OURS/found/it"
		not "the search finds a part of a secret (by $form)" "$SEARCH" "$SECRETS" files "$OURS/found"
	done
	printf 'what %s is' "${PASSWORD[carol]}" >"$OURS/found/it"
	not 'the search finds a password' "$SEARCH" "$SECRETS" files "$OURS/found"
	rm "$OURS/found/it"
	: >"$OURS/found/${token:20:14}"
	not 'the search finds the name of a file' "$SEARCH" "$SECRETS" files "$OURS/found"
	not 'the search finds what is in memory' "$SEARCH" "$SECRETS" memory $$
	not 'the search finds the hash in the store' "$SEARCH" "$SECRETS.hashes" files /var/lib/pat
}

# --- a day in the life of tokens

life() {
	local wrong ssh_pass
	mint alice "ci $1" --service sshd,sudo && FIRST=$TOKEN
	secret "$FIRST"
	mint bob "desk $1" --service su --expires 1d && DESK=$TOKEN
	secret "$DESK"
	wrong=$("$LIB/forge.py" "${FIRST:7:8}")
	secret "$wrong"
	for ssh_pass in password keyboard-interactive; do
		ok "$1: ssh by $ssh_pass" ssh_with $ssh_pass "$FIRST" alice true
		not "$1: ssh by $ssh_pass, a wrong secret" ssh_with $ssh_pass "$wrong" alice true
	done
	ok "$1: sudo" as alice bash -c 'sudo -k; timeout 20 sudo -S -p "" true' <<<"$FIRST"
	ok "$1: su" as alice timeout 20 su bob -c true <<<"$DESK"
	not "$1: su by a wrong secret" as alice timeout 20 su bob -c true <<<"$wrong"
	ok "$1: verify" as bob patctl verify <<<"$FIRST"$'\n'"secret-token:$DESK"
	not "$1: a token for a password" as alice timeout 20 patctl create evil --password-stdin <<<"$FIRST"
	run as alice timeout 20 patctl rotate "ci $1" --overlap 1h --password-stdin <<<"${PASSWORD[alice]}"
	secret "$out"
	as alice timeout 20 patctl create "kept $1" -q -o "$W/tmp/kept" --password-stdin <<<"${PASSWORD[alice]}"
	secret "$(cat "$W/tmp/kept")"
	mv "$W/tmp/kept" "$OURS/kept"
	as alice patctl why >/dev/null
	as alice patctl show "ci $1" --json >/dev/null
	ok "$1: revoke" as bob patctl revoke --token-stdin <<<"$DESK"
	not "$1: a revoked token" as alice timeout 20 su bob -c true <<<"$DESK"
	chmod 666 /var/lib/pat/tokens.tdb
	not "$1: with a store that is not to be trusted" ssh_with password "$FIRST" alice true
	chmod 600 /var/lib/pat/tokens.tdb
	printf '{"method":"io.pampat.Tokens.Verify","parameters":{"secret":"%s","more":1}}\n{"x":"%s"}\n' "$FIRST" "$FIRST" |
		as bob timeout 20 "$LIB/peers.py" call $TOKENS >/dev/null
	if patstore --help | grep -q backup; then
		ok "$1: a backup" patstore backup "/var/lib/pat/backup $1"
		ok "$1: a rebuild" patstore rebuild
	fi
}

# On a terminal of a login shell, which keeps a history and has an environment.
terminal() {
	run "$LIB/pty.exp" ssh -tt "${SSH_OPTIONS[@]}" -o PreferredAuthentications=password alice@127.0.0.1 \
		<<<"$FIRST"$'\npatctl list\nhistory -w\nexit'
	run as alice env HOME=/home/alice "$LIB/pty.exp" patctl create "typed $1" -o /home/alice/typed -q \
		<<<"${PASSWORD[alice]}"
	secret "$(cat /home/alice/typed)"
	rm /home/alice/typed
	nothing "$1: a token that goes to a file is not on the terminal, nor what was typed" "$SECRETS" text <<<"$out$err"
}

# --- what runs on: sessions, and a connection to patd that did it all

open_session() {
	mint alice "long $1" --service sshd,sudo && LONG=$TOKEN
	secret "$LONG"
	ssh_with password "$LONG" alice 'echo in; env; exec sleep 60' >"$OURS/ssh.out" &
	wait_for 10 grep -q '^in' "$OURS/ssh.out" || bail 'ssh does not come in'
	nothing "$1: not in the environment of a session" "$SECRETS" files "$OURS/ssh.out"
	grep -v '^in' "$OURS/ssh.out" >"$OURS/env"
	like "$1: which knows by which token it is" "$(cat "$OURS/env")" "PAM_PAT_ID=${LONG:7:8}"
	as alice bash -c 'sudo -k; exec sudo -S -p "" sh -c "echo in; exec sleep 60"' <<<"$LONG" >"$OURS/sudo.out" &
	wait_for 10 grep -q in "$OURS/sudo.out" || bail 'sudo does not come in'
	mint alice "su $1" --service su && secret "$TOKEN"
	as bob su alice -c 'echo in; exec sleep 60' <<<"$TOKEN" >"$OURS/su.out" 2>/dev/null &
	wait_for 10 grep -q in "$OURS/su.out" || bail 'su does not come in'
	rm -f "$OURS/calls"
	mkfifo "$OURS/calls"
	as alice timeout 60 "$LIB/peers.py" call $TOKENS <"$OURS/calls" >"$OURS/replies" &
	exec 7>"$OURS/calls"
	{
		printf '{"method":"io.pampat.Tokens.Verify","parameters":{"secret":"%s"}}\n' "$LONG"
		echo '{"method":"io.pampat.Tokens.Authenticate"}'
		printf '{"method":"io.pampat.Tokens.Authenticate","parameters":{"responses":["%s"]}}\n' "${PASSWORD[alice]}"
		printf '{"method":"io.pampat.Tokens.Create","parameters":{"name":"%s"}}\n' "by hand $1"
		printf '{"method":"io.pampat.Tokens.RevokeSecret","parameters":{"secret":"%s"}}\n' "$("$LIB/forge.py" 00000000)"
	} >&7
	wait_for 10 answered 5 || bail 'patd does not answer'
	secret "$(grep -o 'lnxpat_[0-9A-Za-z]*' "$OURS/replies" | head -n 1)"
}

answered() {
	[ "$(wc -l <"$OURS/replies")" -ge "$1" ]
}

# descendants PID: the process and all that came from it.
descendants() {
	local child
	echo "$1"
	local children
	read -ra children <"/proc/$1/task/$1/children"
	for child in "${children[@]}"; do descendants "$child"; done
}

memory() {
	local pids
	mapfile -t pids < <(descendants "$PATD_PID")
	ok "$1: a child of patd still serves the one that minted" test ${#pids[@]} -ge 2
	nothing "$1: patd and its children have nothing left in memory" "$SECRETS" memory "${pids[@]}"
	nothing "$1: nor hashes" "$SECRETS.hashes" memory "$PATD_PID"
	mapfile -t pids < <(descendants "$SSHD_PID" | tail -n +2)
	ok "$1: sshd's monitor and session run" test ${#pids[@]} -ge 2
	nothing "$1: sshd's monitor and session have nothing left in memory" "$SECRETS" memory "${pids[@]}"
	for name in sudo su; do
		mapfile -t pids < <(pgrep -x $name)
		ok "$1: $name runs" test ${#pids[@]} -ge 1
		nothing "$1: $name has nothing left in memory" "$SECRETS" memory "${pids[@]}"
	done
}

close_session() {
	exec 7>&-
	mapfile -t pids < <(pgrep -x sleep)
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	sleep 0.2
}

# --- cores

# What is not to be left where a core would go: the directories that these programs stand in.
core_of() {
	find / "$OURS" /home/alice -maxdepth 1 -name 'core*' -newer "$W/cores" 2>/dev/null
}

# dies WHAT PID: killed as by a fault of its own, with no limit on cores; where it is, there is none.
dies() {
	prlimit --core=unlimited --pid "$2" 2>/dev/null
	kill -SEGV "$2"
	wait_for 5 gone "$2" || fail "$1 has died"
	is "$1 leaves no core" "$(core_of)" ''
	core_of | xargs -r rm -f
}

cores() {
	touch "$W/cores"
	sleep 0.1
	env -C "$OURS" sleep 60 &
	wait_for 5 grep -qx sleep /proc/$!/comm
	kill -SEGV $!
	wait $! 2>/dev/null
	text='a core is found where a program leaves one'
	if [ "$(cat /proc/sys/kernel/core_pattern)" = core ]; then
		ok "$text" test -n "$(find "$OURS" -maxdepth 1 -name 'core*')"
	else
		skip "$text" 'this kernel gives cores another name, or to a program'
	fi
	rm -f "$OURS"/core*
	mkfifo "$OURS/typed"
	as alice bash -c "cd $OURS && ulimit -c unlimited && exec patctl create x --password-stdin" <"$OURS/typed" \
		>/dev/null 2>&1 &
	exec 8>"$OURS/typed"
	wait_for 5 pgrep -x patctl
	not 'another program of the user does not see into patctl' as alice cat "/proc/$(pgrep -x patctl)/environ"
	printf '%s' "${PASSWORD[alice]:0:10}" >&8
	dies 'patctl that is being typed to' "$(pgrep -x patctl)"
	exec 8>&-
	dies "patd's child, in the middle of it all" "$(descendants "$PATD_PID" | tail -n 1)"
	dies 'patd' "$PATD_PID"
	patd_start --debug
}

probe_search
ROUND=0
while :; do
	ROUND=$((ROUND + 1))
	life "round $ROUND"
	terminal "round $ROUND"
	open_session "round $ROUND"
	memory "round $ROUND"
	if [ -z "${PAT_SECONDS-}" ] || [ $SECONDS -ge "$PAT_SECONDS" ]; then break; fi
	close_session
	# No user may have more than so many that live.
	for user in alice bob carol; do patctl revoke --quiet --all --user "$user"; done
done
cores
close_session
log_sync

nothing 'the store, with what was deleted in it, has no secret' "$SECRETS" files /var/lib/pat
nothing 'nor has any file that was written anywhere, nor the log' "$SECRETS" files "$W" /run/pat /dev/shm
nothing 'nor has a hash what is not the store or a backup of it' "$SECRETS.hashes" files "$W/log" "$W/patd.err" \
	"$W/over/upper-home" "$W/over/upper-root" "$W/over/upper-etc" /run/pat
ok 'much was written' test "$(grep -c 'pam_pat\|patd\[' "$W/log")" -gt 20
ok 'a history was kept' grep -q patctl /home/alice/.bash_history
echo "# figure: secrets: $(wc -l <"$SECRETS") secrets in 12-character parts and 9 forms, $ROUND rounds;" \
	"patd has locked $(awk '/VmLck/ { print $2 }' "/proc/$PATD_PID/status") kB of its memory"
end
