# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# A private world for a suite: its own mounts, processes, network and log, seen by nobody else and
# gone, with every process in it, when the suite ends, however it ends. What is written to /etc,
# /usr, /var, /home and /root stays in a tmpfs over them; /run and /dev are its own; the network is a
# loopback of its own, so that sshd can have port 22 of a 127.0.0.1 that nobody outside can reach.
#
# A suite begins with
#	. "$(dirname "$0")/../lib/world.sh"
#	world_enter "$@"
# and goes on inside. It needs root and the right to make namespaces; without, the suite is skipped.

SRC=${SRC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
BUILD=$(realpath -m "${BUILD:-$SRC/build}")
W=${W:-/run/world}
LIB=$W/lib # a copy of this directory that everybody in the world may read

WORLD_UNSHARE=(unshare --mount --propagation private --pid --fork --kill-child --mount-proc --net
	--ipc --uts)

# What alice, bob and carol type where a password is asked for.
# shellcheck disable=SC2034
declare -A PASSWORD=([alice]='alice: Sesame 1' [bob]='bob: Sesame 2' [carol]='carol: Sesame 3')

# world_possible: true if a world can be made here; if not, prints why.
world_possible() {
	if [ "$(id -u)" -ne 0 ]; then
		echo 'needs root'
		return 1
	fi
	# shellcheck disable=SC2016
	if ! "${WORLD_UNSHARE[@]}" bash -c '
		set -e
		mount -t tmpfs tmpfs /run
		mkdir /run/upper /run/work
		mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work overlay /etc
		mount -t devpts -o newinstance devpts /dev/pts' >/dev/null 2>&1; then
		echo 'needs the right to make namespaces and to mount (not an ordinary container)'
		return 1
	fi
}

# world_enter ARGUMENTS: runs the calling script again in a world, or, inside, makes the world.
world_enter() {
	local why
	if [ "${PAT_WORLD-}" != "$SRC" ]; then
		if ! why=$(world_possible); then
			printf '1..0 # SKIP %s\n' "$why"
			exit 0
		fi
		exec env PAT_WORLD="$SRC" SRC="$SRC" BUILD="$BUILD" \
			"${WORLD_UNSHARE[@]}" setsid bash "$(realpath "$0")" "$@" </dev/null
	fi
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	world_make || {
		echo 'Bail out! the world could not be made'
		exit 255
	}
	# shellcheck source=/dev/null
	. "$SRC/tests/lib/tap.sh"
}

world_make() {
	umask 022
	cd / || return
	unset MAKEFLAGS MFLAGS MAKELEVEL LD_PRELOAD SUDO_ASKPASS SSH_AUTH_SOCK SSH_ASKPASS
	unset SUDO_USER SUDO_UID SUDO_GID SUDO_COMMAND TZ
	# A variable of ours of such a name would go to every program.
	unset CI
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb
	export USER=root LOGNAME=root SHELL=/bin/bash
	world_mount && world_dev && world_loopback || return
	mkdir -p /run/sshd /run/lock "$W/ssh"
	mkdir -m 1777 "$W/tmp" "$W/reports"
	export TMPDIR=$W/tmp
	world_sanitizers
	cp -r "$SRC/tests/lib" "$LIB" || return
	"$LIB/logd.py" /dev/log "$W/log" &
	wait_for 5 test -S /dev/log
}

# The source and build trees keep their paths, but what is written there goes nowhere either.
world_mount() {
	local dir
	mount -t tmpfs -o mode=755 tmpfs /run || return
	mkdir -p "$W/keep/src" "$W/keep/build" "$W/over" || return
	mount --bind "$SRC" "$W/keep/src" || return
	if [ -d "$BUILD" ]; then
		mount --bind "$BUILD" "$W/keep/build" || return
	fi
	for dir in /etc /usr /var /home /root /opt /bin /sbin /lib /lib64; do
		if [ -L $dir ] || [ ! -d $dir ]; then continue; fi
		world_overlay $dir $dir || return
	done
	world_overlay "$SRC" "$W/keep/src" || return
	[ ! -d "$W/keep/build" ] || [ ! -e "$BUILD" ] || [[ $BUILD/ = $SRC/* ]] ||
		world_overlay "$BUILD" "$W/keep/build"
}

# world_overlay WHERE LOWER
world_overlay() {
	local name=${1//\//-}
	mkdir -p "$1" "$W/over/upper$name" "$W/over/work$name" || return
	mount -t overlay -o "lowerdir=$2,upperdir=$W/over/upper$name,workdir=$W/over/work$name" \
		overlay "$1"
}

# A /dev without the machine's log, terminals and disks.
world_dev() {
	local node link
	mkdir "$W/dev" || return
	mount -t tmpfs -o mode=755 tmpfs "$W/dev" || return
	for node in null zero full random urandom tty; do
		: >"$W/dev/$node" || return
		mount --bind /dev/$node "$W/dev/$node" || return
	done
	mkdir "$W/dev/pts" "$W/dev/shm" || return
	mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$W/dev/pts" || return
	mount -t tmpfs -o mode=1777 tmpfs "$W/dev/shm" || return
	for link in ptmx=pts/ptmx fd=/proc/self/fd stdin=fd/0 stdout=fd/1 stderr=fd/2; do
		ln -s "${link#*=}" "$W/dev/${link%%=*}" || return
	done
	mount --move "$W/dev" /dev
}

# A host called `world` that knows its own name.
world_loopback() {
	echo world >/proc/sys/kernel/hostname
	printf '127.0.0.1 localhost world\n' >/etc/hosts || return
	/usr/bin/python3 -c '
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))'
}

# Where programs that were built with sanitizers leave their reports. PAT_SANITIZED names the build
# whose patd, patctl and patstore stand in for the ordinary ones.
WORLD_ENV=()
world_sanitizers() {
	[ "${PAT_SANITIZED-}" ] || return 0
	WORLD_ENV=(
		ASAN_OPTIONS="log_path=$W/reports/asan:detect_leaks=${PAT_DETECT_LEAKS:-1}:abort_on_error=0"
		UBSAN_OPTIONS="log_path=$W/reports/ubsan:print_stacktrace=1"
		LSAN_OPTIONS="print_suppressions=0:exitcode=23"
	)
	export "${WORLD_ENV[@]}"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local tries=$(($1 * 50))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.02
	done
}

# announced FILE COMMAND...: starts the command in the background, $!, and returns when it has
# written something to the file. What an earlier one wrote there is no announcement.
announced() {
	local file=$1
	shift
	rm -f "$file"
	"$@" >"$file" &
	wait_for 20 test -s "$file"
}

# seed: for what a torture does at random. The short form does the same each time, so that it fails for a
# change and not for a throw of dice; with PAT_SECONDS, other things each time.
seed() {
	if [ "${PAT_SECONDS-}" ]; then
		od -An -N2 -tu2 /dev/urandom | tr -d ' '
	else
		echo 7
	fi
}

# gone PID: true when that process has ended; a zombie has.
gone() {
	local state
	state=$(awk '/^State:/ { print $2 }' "/proc/$1/status" 2>/dev/null)
	[ -z "$state" ] || [ "$state" = Z ]
}

# as USER COMMAND...: as that user, and nothing of root left.
as() (
	exec_as "$@"
)

# exec_as USER COMMAND... &: the same in the background, where $! is then the command itself.
exec_as() {
	local user=$1
	shift
	exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --reset-env -- \
		env LC_ALL=C.UTF-8 GCOV_PREFIX="$PAT_COVERAGE/$user" GCOV_ERROR_FILE=/dev/null \
		"${WORLD_ENV[@]}" "$@"
}

# --- what is in the world

world_users() {
	local user
	for user in alice bob carol; do
		useradd --create-home --shell /bin/bash "$user" || return
		echo "$user:${PASSWORD[$user]}"
	done | chpasswd || return
	mkdir -p /etc/sudoers.d
	printf '%s\n' 'Defaults lecture=never' 'alice ALL=(ALL:ALL) ALL' >/etc/sudoers.d/alice
	chmod 440 /etc/sudoers.d/alice
	: >/etc/motd
	touch /home/alice/.hushlogin /home/bob/.hushlogin /home/carol/.hushlogin
}

# PAT_INSTALLED=1: what the machine has installed, from a package, is what is tested; nothing was built.
world_install() {
	local program
	[ -z "${PAT_INSTALLED-}" ] || return 0
	install_to "" || return
	[ "${PAT_SANITIZED-}" ] || return 0
	for program in bin/patctl sbin/patd sbin/patstore; do
		install -m 755 "$PAT_SANITIZED/${program#*/}" "/usr/$program" || return
	done
}

# pam_unix brings libcrypt into patd late, and AddressSanitizer, which stands before crypt(3), looks for
# the real one at the start only: it must be there by then, after AddressSanitizer's own library.
patd_preload() {
	[ "${PAT_SANITIZED-}" ] || return 0
	local asan
	asan=$(ldd /usr/sbin/patd | awk '$1 ~ /^libasan/ { print $3 }')
	echo "${asan:+$asan:}libcrypt.so.1"
}

# install_to DESTDIR [TARGET]: what was built, as it was built.
install_to() {
	make -C "$SRC" --no-print-directory -o all BUILD="$BUILD" DESTDIR="$1" "${2:-install}" \
		>"$W/install.log" 2>&1 || {
		cat "$W/install.log"
		return 1
	}
}

# The documented line, and where it goes: above the password modules.
PAT_LINE='auth [success=done authinfo_unavail=ignore default=die] pam_pat.so'

# stack SERVICE [OPTIONS]: the service's stack as Debian ships it, with the documented line in it.
stack() {
	local service=$1
	shift
	stack_line "$service" "$PAT_LINE${*:+ $*}"
}

# stack_line SERVICE LINE: the same with another line; an empty one leaves Debian's stack.
stack_line() {
	local kept=$W/pam.d/$1
	mkdir -p "$W/pam.d"
	[ -e "$kept" ] || cp "/etc/pam.d/$1" "$kept" || return
	awk -v line="$2" '
		line != "" && !done && ($1 == "@include" && $2 == "common-auth" || $1 == "auth" &&
			$3 !~ /pam_(rootok|faildelay|nologin)\.so/) { print line; done = 1 }
		{ print }
		END { if (line != "" && !done) exit 1 }' "$kept" >"/etc/pam.d/$1"
}

# All that `make install` and an administrator do for a working installation.
world_furnish() {
	local service
	if ! { world_users && world_install; } >&2; then
		bail 'the world could not be furnished'
	fi
	# pam_unix and su make who typed a wrong password wait for seconds; there are many here.
	sed -i '/pam_unix\.so/s/$/ nodelay/' /etc/pam.d/common-auth
	echo 'FAIL_DELAY 0' >>/etc/default/su
	for service in sshd sudo sudo-i su login; do
		stack $service || bail "no stack for $service"
	done
}

PATD_PID=
patd_start() {
	LD_PRELOAD=$(patd_preload) patd --listen /run/pat "$@" 2>>"$W/patd.err" &
	PATD_PID=$!
	wait_for 5 patd_ready || {
		cat "$W/patd.err" >&2
		bail 'patd does not start'
	}
}

# A socket may be there and nobody behind it.
patd_ready() {
	[ -S /run/pat/verify ] || return
	patctl list
	[ $? -ne 6 ]
}

patd_stop() {
	kill "$PATD_PID" && wait "$PATD_PID" 2>/dev/null
	PATD_PID=
	rm -f /run/pat/verify /run/pat/io.pampat.Tokens
}

SSHD_PID=
SSHD_PORT=22
sshd_start() {
	local sftp
	for sftp in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server; do
		[ ! -x $sftp ] || break
	done
	[ -e "$W/ssh/host" ] || ssh-keygen -q -t ed25519 -N '' -f "$W/ssh/host" || return
	printf '127.0.0.1 %s\n' "$(cut -d' ' -f1-2 "$W/ssh/host.pub")" >"$W/ssh/known_hosts"
	cat >"$W/ssh/config" <<-END
		Port $SSHD_PORT
		ListenAddress 127.0.0.1
		HostKey $W/ssh/host
		PidFile none
		UsePAM yes
		PasswordAuthentication yes
		KbdInteractiveAuthentication yes
		PubkeyAuthentication yes
		PrintMotd no
		Subsystem sftp $sftp
	END
	/usr/sbin/sshd -D -e -f "$W/ssh/config" 2>"$W/ssh/log" &
	# shellcheck disable=SC2034
	SSHD_PID=$!
	wait_for 5 grep -q 'Server listening' "$W/ssh/log" || bail 'sshd does not start'
}

SSH_OPTIONS=(-F none -o UserKnownHostsFile="$W/ssh/known_hosts" -o StrictHostKeyChecking=yes
	-o LogLevel=ERROR -o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no)

# ssh_with METHOD SECRET USER COMMAND...: logs in by `password` or `keyboard-interactive`.
ssh_with() {
	local method=$1 secret=$2 user=$3
	shift 3
	timeout 20 sshpass -d 9 ssh "${SSH_OPTIONS[@]}" -o PreferredAuthentications="$method" \
		"$user@127.0.0.1" "$@" 9<<<"$secret"
}

# mint USER NAME [OPTIONS]: a token for the user, with their password, in $TOKEN and $ID.
mint() {
	local user=$1
	shift
	TOKEN=$(as "$user" timeout 20 patctl create --password-stdin "$@" \
		<<<"${PASSWORD[$user]}" 2>"$W/mint.err") ||
		bail "no token for $user ($*): $(cat "$W/mint.err")"
	# shellcheck disable=SC2034
	ID=${TOKEN:7:8}
}

# give USER NAME [OPTIONS]: the same, by root.
give() {
	local user=$1
	shift
	TOKEN=$(timeout 20 patctl create --user "$user" "$@" 2>"$W/mint.err") ||
		bail "no token for $user ($*): $(cat "$W/mint.err")"
	# shellcheck disable=SC2034
	ID=${TOKEN:7:8}
}

# mistyped TOKEN: the same but for the last character.
mistyped() {
	case $1 in
	*x) echo "${1%?}y" ;;
	*) echo "${1%?}x" ;;
	esac
}

# field NAME ID [USER]: what `patctl list --all --json` says about a token of alice's.
field() {
	as "${3:-alice}" patctl list --all --json | /usr/bin/python3 -c '
import json, sys
name, token = sys.argv[1:]
for entry in json.load(sys.stdin):
    if entry["id"] == token:
        value = entry[name]
        print(value if isinstance(value, str) else json.dumps(value))' "$1" "$2"
}

# login_as SERVICE USER SECRET [RHOST]: a whole PAM login of this very process, as root.
login_as() {
	timeout 20 "$LIB/pam.py" "$1" "$2" "${@:4}" <<<"$3"
}

# service NAME LINE...: a PAM service of the test's own; the stack is what is given.
service() {
	printf '%s\n' "${@:2}" >"/etc/pam.d/$1"
}

# --- the log

LOG_FROM=0
LOG_SERIAL=0

# log_mark: what is logged from now on is what log_lines shows.
log_mark() {
	log_sync
	LOG_FROM=$(wc -l <"$W/log")
}

# All that was sent to the log before is in the file after this.
log_sync() {
	LOG_SERIAL=$((LOG_SERIAL + 1))
	logger --socket /dev/log --tag mark "mark $LOG_SERIAL end"
	wait_for 5 grep -q "mark $LOG_SERIAL end" "$W/log"
}

log_lines() {
	log_sync
	tail -n "+$((LOG_FROM + 1))" "$W/log" | grep -v ' mark: mark [0-9]* end$'
}

log_matches() {
	log_lines | grep -qE -- "$1"
}

# logged TEXT REGEX: a line since the mark matches; it may take a moment to come.
logged() {
	if wait_for 2 log_matches "$2"; then
		pass "$1"
	else
		fail "$1" "no such line: $2"$'\n'"$(log_lines)"
	fi
}

# not_logged TEXT REGEX
not_logged() {
	if log_matches "$2"; then
		fail "$1" "there is such a line: $2"$'\n'"$(log_lines | grep -E -- "$2")"
	else
		pass "$1"
	fi
}

# end: the last words of every suite in a world.
end() {
	local report
	if [ "${PAT_SANITIZED-}" ]; then
		[ -z "$PATD_PID" ] || patd_stop
		report=$(cat "$W"/reports/* 2>/dev/null)
		is 'no sanitizer has anything to report' "$(head -c 4000 <<<"$report")" ''
	fi
	done_testing
}
