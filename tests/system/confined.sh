#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Each of patd's processes has the rights that it needs and no more, with systemd or without: looked at
# from outside, and tried by making it do what is forbidden.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

TOKENS=/run/pat/io.pampat.Tokens
INFO='{"method":"org.varlink.service.GetInfo"}'
NOBODYS_ID=65535
INJECT=$BUILD/tests/tools/inject

# --- looking

# children_of PID: those that serve; of those that wait for a question of the module, the one whose turn it
# is, and so the oldest, is the spare_of PID, and of those that wait for a client, which have a reader, the
# spare_session_of PID.
children_of() {
	grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | xargs -r grep -Ls "$SPARE" | tr -dc '0-9\n'
}
spares_of() {
	grep -ls "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status | xargs -r grep -ls "$SPARE" | tr -dc '0-9\n' | sort -n
}
spare_of() {
	local pid
	for pid in $(spares_of "$1"); do
		[ "$(children_of "$pid")" ] || echo "$pid"
	done | head -n 1
}
spare_session_of() {
	local pid
	for pid in $(spares_of "$1"); do
		[ -z "$(children_of "$pid")" ] || echo "$pid"
	done | head -n 1
}
SPARE='^Name:[[:space:]]*patd-spare$'

# status PID FIELD: as /proc has it, with single blanks.
status() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | tr -s '\t ' ' ' | sed 's/ $//'
}

# limit PID NAME: the soft and the hard one.
limit() {
	sed -n "s/^$2  *\([^ ]*\)  *\([^ ]*\).*/\1 \2/p" "/proc/$1/limits"
}

# set_of CAPABILITY...: as the kernel writes such a set.
set_of() {
	local name bits=0
	for name; do
		case $name in
		chown) bits=$((bits | 1 << 0)) ;;
		dac_override) bits=$((bits | 1 << 1)) ;;
		dac_read_search) bits=$((bits | 1 << 2)) ;;
		kill) bits=$((bits | 1 << 5)) ;;
		setgid) bits=$((bits | 1 << 6)) ;;
		setuid) bits=$((bits | 1 << 7)) ;;
		setpcap) bits=$((bits | 1 << 8)) ;;
		audit_write) bits=$((bits | 1 << 29)) ;;
		*) bail "what is $name?" ;;
		esac
	done
	printf '%016x\n' $bits
}

# has_rights WHO PID CAPABILITY...
has_rights() {
	local who=$1 pid=$2 wanted
	shift 2
	wanted=$(set_of "$@")
	is "$who: capabilities" "$(status "$pid" CapEff) $(status "$pid" CapPrm)" "$wanted $wanted"
	is "$who: none to pass on" "$(status "$pid" CapInh) $(status "$pid" CapAmb)" \
		"$(set_of) $(set_of)"
	is "$who: no new privileges" "$(status "$pid" NoNewPrivs)" 1
	is "$who: a filter" "$(status "$pid" Seccomp)" 2
}

# --- connections that stay open

# connect NAME USER [SOCKET]: SESSION and READER are what serves it. It has had one answer.
declare -A CLIENT=()
connect() {
	local before after pipe=$W/tmp/$1.in
	before=$(children_of "${PATD:-$PATD_PID}")
	rm -f "$pipe" "$W/tmp/$1.out"
	mkfifo "$pipe"
	exec_as "$2" "$LIB/peers.py" call "${3:-$TOKENS}" <"$pipe" >"$W/tmp/$1.out" &
	exec {fd}>"$pipe"
	CLIENT[$1]=$fd
	say "$1"
	wait_for 5 grep -q product "$W/tmp/$1.out" || bail "no answer to $1"
	after=$(children_of "${PATD:-$PATD_PID}")
	SESSION=$(comm -13 <(sort <<<"$before") <(sort <<<"$after"))
	READER=$(children_of "$SESSION")
}

say() {
	echo "$INFO" >&"${CLIENT[$1]}"
}

# answered NAME TEXT: the connection still has answers.
answered() {
	local before
	before=$(wc -l <"$W/tmp/$1.out")
	say "$1"
	ok "$2" wait_for 5 more_than "$before" "$W/tmp/$1.out"
	is "$2, not an end" "$(grep -c closed "$W/tmp/$1.out")" 0
}

more_than() {
	[ "$(wc -l <"$2")" -gt "$1" ]
}

hang_up() {
	local fd=${CLIENT[$1]}
	exec {fd}>&-
}

# --- what is there, from outside

connect alice alice
has_rights 'the first process' "$PATD_PID" audit_write chown dac_override dac_read_search kill \
	setgid setuid setpcap
has_rights 'a session' "$SESSION" audit_write chown dac_override kill
is 'a session: and none for the programs that it runs' "$(status "$SESSION" CapBnd)" \
	"$(set_of audit_write chown dac_override kill)"
has_rights 'a reader' "$READER"
is 'a reader: none at all' "$(status "$READER" CapBnd)" "$(set_of)"
is 'a reader: is nobody' "$(status "$READER" Uid)" \
	"$NOBODYS_ID $NOBODYS_ID $NOBODYS_ID $NOBODYS_ID"
is 'a reader: in no group' "$(status "$READER" Gid)$(status "$READER" Groups)" \
	"$NOBODYS_ID $NOBODYS_ID $NOBODYS_ID $NOBODYS_ID"
is 'a reader: two sockets, and nothing else, are open' \
	"$(find "/proc/$READER/fd" -type l -printf '%f %l\n' | sed 's/:.*//' | sort)" \
	$'0 socket\n1 socket'
is 'a reader: opens no more' "$(limit "$READER" 'Max open files')" '2 2'
is 'a reader: writes no file' "$(limit "$READER" 'Max file size')" '0 0'
is 'a reader: makes no process' "$(limit "$READER" 'Max processes')" '0 0'
is 'a reader: leaves no core' "$(limit "$READER" 'Max core file size')" '0 0'
unlike 'a reader: memory is bounded' "$(limit "$READER" 'Max address space')" unlimited
unlike 'a reader: time is bounded' "$(limit "$READER" 'Max cpu time')" unlimited
not 'a reader: its user cannot look into it' as alice cat "/proc/$READER/maps"
not 'nor can nobody' setpriv --reuid=$NOBODYS_ID --regid=$NOBODYS_ID --clear-groups \
	cat "/proc/$READER/maps"

# alone: a process that answers the module, at rest, is ALONE. It has a second: try until it is met.
alone() {
	local before try
	ALONE=
	for try in 1 2 3 4 5 6 7 8 9 10; do
		before=$(children_of "$PATD_PID")
		exec_as carol "$LIB/peers.py" idle /run/pat/verify >/dev/null &
		wait_for 2 met "$before" && return
	done
	bail "no process answers the module ($try tries)"
}

met() {
	ALONE=$(comm -13 <(sort <<<"$1") <(children_of "$PATD_PID" | sort))
	[ "$ALONE" ] && [ "$(status "$ALONE" CapEff)" != "$(status "$PATD_PID" CapEff)" ] &&
		sleep 0.05 && kill -STOP "$ALONE"
}

alone
has_rights 'who answers the module' "$ALONE" dac_read_search
kill -CONT "$ALONE"

# --- the one that waits for a question before there is one

waits() {
	WAITING=$(spare_of "$PATD_PID")
	[ "$WAITING" ]
}

asked() {
	"$LIB/peers.py" verify /run/pat/verify alice sshd <<<"$TOKEN"
}

give alice waits --service sshd
ok 'when one was answered, another waits' wait_for 5 waits
has_rights 'who waits for a question' "$WAITING" dac_read_search
is 'it has no socket but those to the first process and the log' \
	"$(find "/proc/$WAITING/fd" -type l -printf '%l\n' | grep -c socket)" 2
FIRST=$WAITING
is 'a question is answered' "$(asked)" accepted
ok 'by the one that waited, which has ended' wait_for 5 gone "$FIRST"
ok 'then another one waits' wait_for 5 waits
unlike 'not the same' "$WAITING" "$FIRST"
log_mark
kill -KILL "$WAITING"
logged 'if it is killed, the log says so' 'the child that waited for a question has ended'
is 'and a question is answered all the same' "$(asked)" accepted
ok 'then one waits again' wait_for 5 waits
kill -STOP "$WAITING"
run timeout 20 "$LIB/peers.py" verify /run/pat/verify alice sshd <<<"$TOKEN"
kill -KILL "$WAITING"
is 'one that stands still takes its one question with it' "$out" silent
is 'and no other' "$(asked)" accepted

# --- the one that waits for a client, with its reader

session_waits() {
	SESSION=$(spare_session_of "$PATD_PID")
	READER=$(children_of "$SESSION")
	[ "$SESSION" ] && [ "$(status "$SESSION" Name) $(status "$READER" Seccomp)" = 'patd-spare 2' ]
}

patctl list --user alice >/dev/null
ok 'when a client was served, a session waits for the next' wait_for 5 session_waits
has_rights 'a session that waits' "$SESSION" audit_write chown dac_override kill
is 'a session that waits: and none for the programs that it runs' "$(status "$SESSION" CapBnd)" \
	"$(set_of audit_write chown dac_override kill)"
is 'it has no socket but those to the first process, its reader and the log' \
	"$(find "/proc/$SESSION/fd" -type l -printf '%l\n' | grep -c socket)" 3
has_rights 'a reader that waits' "$READER"
is 'a reader that waits: none at all' "$(status "$READER" CapBnd)" "$(set_of)"
is 'a reader that waits: is nobody' "$(status "$READER" Uid)" \
	"$NOBODYS_ID $NOBODYS_ID $NOBODYS_ID $NOBODYS_ID"
is 'a reader that waits: a socket, and nothing else, is open' \
	"$(find "/proc/$READER/fd" -type l -printf '%l\n' | sed 's/:.*//')" socket
is 'a reader that waits: opens no more' "$(limit "$READER" 'Max open files')" '2 2'
FIRST=$SESSION
connect waited bob
is 'a client is served by the one that waited' "$SESSION" "$FIRST"
hang_up waited
ok 'which then ends' wait_for 5 gone "$FIRST"
ok 'then another session waits' wait_for 5 session_waits
log_mark
kill -KILL "$READER"
logged 'if its reader is killed, it waits no more' 'the child that waited for a client has ended'
ok 'nor is it there' wait_for 5 gone "$SESSION"
ok 'and a client is served all the same' patctl list --user alice
ok 'then a session waits again' wait_for 5 session_waits

# --- making them do what is forbidden

if [ "$(uname -m)" != x86_64 ]; then
	skip 'system calls from within' 'needs x86_64'
else
	# inject PID CALL
	inject() {
		run timeout 20 "$INJECT" "$1" "$2"
	}

	for call in getpid open openat socket inet execve fork kill ptrace setuid prctl mount unshare \
		sendmsg code; do
		connect bob bob
		log_mark
		inject "$READER" $call
		is "a reader that is made to do $call dies" "$out" 'killed 31'
		logged "which is logged ($call)" \
			"closing a connection of uid=$(id -u bob) pid=[0-9]+: its reader was ended by signal 31"
		say bob
		ok "its connection is closed ($call)" wait_for 5 grep -q closed "$W/tmp/bob.out"
		ok "its session ends ($call)" wait_for 5 gone "$SESSION"
		hang_up bob
	done
	answered alice 'another user is served all the while'
	connect bob bob
	inject "$READER" memory
	is 'a reader may have memory' "$out" 'returned 0'
	answered bob 'and goes on'

	for call in mount unshare; do
		inject "$SESSION" $call
		is "a session that is made to do $call is refused" "$out" 'failed 1'
		inject "$PATD_PID" $call
		is "so is the first process ($call)" "$out" 'failed 1'
	done
	answered bob 'the session goes on'
	log_mark
	inject "$SESSION" ptrace
	is 'a session that is made to trace dies' "$out" 'killed 31'
	logged 'which is logged' "a connection of uid=$(id -u bob) was ended by signal 31"
	ok 'its reader goes with it' wait_for 5 gone "$READER"
	hang_up bob

	for call in execve fork mount; do
		alone
		inject "$ALONE" $call
		is "who answers the module is refused $call" "$out" 'failed 1'
		kill -CONT "$ALONE"
	done
	answered alice 'all this is nothing to another user'
fi

# --- the end of one is the end of what hangs on it

connect bob bob
kill -KILL "$READER"
ok 'without its reader, a session ends' wait_for 5 gone "$SESSION"
hang_up bob
connect bob bob
kill -KILL "$SESSION"
ok 'without its session, a reader ends' wait_for 5 gone "$READER"
hang_up bob
connect bob bob
kill -STOP "$READER"
kill -KILL "$SESSION"
ok 'even one that stands still' wait_for 5 gone "$READER"
hang_up bob
connect bob bob
kill -TERM "$READER" && kill -INT "$READER"
answered bob 'a reader ends with its session, and not before'
hang_up bob
ok 'a client that goes away leaves no process' wait_for 5 gone "$SESSION"

# --- the password, asked by a PAM module that runs a program

cat >"$W/tmp/look" <<'END'
#!/bin/sh
cat /proc/self/status >/run/world/tmp/looked
END
chmod 755 "$W/tmp/look"
cp /etc/pam.d/patd "$W/tmp/patd.pam"
echo 'account required pam_exec.so quiet /run/world/tmp/look' >>/etc/pam.d/patd
mint alice helped --service sshd
ok 'a PAM module may start a program' test -s "$W/tmp/looked"
is 'which has no more rights than the session' \
	"$(sed -n 's/^CapEff:\t//p' "$W/tmp/looked")" "$(set_of audit_write chown dac_override kill)"
like 'and no way to more' "$(<"$W/tmp/looked")" 'NoNewPrivs:[[:space:]]1'
cp "$W/tmp/patd.pam" /etc/pam.d/patd

# --- with the rights that patd.service leaves

read -r -a unit < <(sed -n 's/^CapabilityBoundingSet=//p' /usr/lib/systemd/system/patd.service |
	tr '[:upper:]' '[:lower:]' | sed 's/cap_//g')
bounding=-all
for name in "${unit[@]}"; do bounding+=,+$name; done
setpriv --bounding-set="$bounding" --no-new-privs patd --listen /run/unit 2>>"$W/patd.err" &
PATD=$!
wait_for 5 test -S /run/unit/io.pampat.Tokens
run as alice timeout 20 patctl create --socket /run/unit/io.pampat.Tokens --password-stdin unit \
	--service sshd <<<"${PASSWORD[alice]}"
exited 'with them, a token is minted' 0
connect bob bob /run/unit/io.pampat.Tokens
has_rights 'with them, a session' "$SESSION" audit_write chown dac_override
has_rights 'with them, a reader' "$READER"
is 'with them, a reader: two sockets' "$(find "/proc/$READER/fd" -type l | wc -l)" 2
kill -KILL "$SESSION"
ok 'with them, a reader ends with its session' wait_for 5 gone "$READER"
hang_up bob
run timeout 20 "$LIB/peers.py" verify /run/unit/verify alice sshd <<<"$TOKEN"
is 'with them, a token is verified' "$out" accepted

# --- the end of patd

connect bob bob /run/unit/io.pampat.Tokens
kill -KILL $PATD
ok 'a patd that is killed leaves no session' wait_for 5 gone "$SESSION"
ok 'nor a reader' wait_for 5 gone "$READER"
hang_up bob

# --- in a user namespace, where root is root in name

unshare --user --map-root-user patd --listen /run/inner --store /run/inner/tokens.tdb \
	2>>"$W/patd.err" &
PATD=$!
wait_for 5 test -S /run/inner/io.pampat.Tokens
connect inner root /run/inner/io.pampat.Tokens
has_rights 'in a user namespace, a reader' "$READER"
is 'in a user namespace, a reader keeps its number' "$(status "$READER" Uid)" '0 0 0 0'
kill -KILL "$SESSION"
ok 'in a user namespace, a reader ends with its session' wait_for 5 gone "$READER"
hang_up inner
kill $PATD

# --- more rights for a PAM module that needs them

setpriv --inh-caps=-all,+setuid,+setgid patd --listen /run/more 2>>"$W/patd.err" &
PATD=$!
wait_for 5 test -S /run/more/io.pampat.Tokens
connect bob bob /run/more/io.pampat.Tokens
is 'what patd is given as inheritable, sessions keep' "$(status "$SESSION" CapEff)" \
	"$(set_of audit_write chown dac_override kill setuid setgid)"
has_rights 'and readers do not' "$READER"
hang_up bob
kill $PATD
unset PATD

# --- the others

for what in "--check-config /etc/security/pat.conf" --sweep; do
	# shellcheck disable=SC2086
	run strace -f -e trace=prctl,capset,execve -o "$W/tmp/trace" patd $what
	exited "patd $what does its work" 0
	is "patd $what: filters, of which the second forbids programs" \
		"$(grep -c 'PR_SET_SECCOMP, SECCOMP_MODE_FILTER.* = 0' "$W/tmp/trace")" 2
	like "patd $what: no new privileges" "$(<"$W/tmp/trace")" 'PR_SET_NO_NEW_PRIVS, 1.* = 0'
	like "patd $what: but one capability is given up" "$(<"$W/tmp/trace")" \
		'effective=1<<CAP_DAC_READ_SEARCH, permitted=1<<CAP_DAC_READ_SEARCH, inheritable=0\}\) = 0'
done
run as bob /usr/sbin/patd --check-config /etc/security/pat.conf
exited 'any user can ask about a policy' 0

hang_up alice
end
