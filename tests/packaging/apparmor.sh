#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The AppArmor profile of patd: AppArmor reads it, and it allows what patd does. A kernel without
# AppArmor cannot say so; so what patd asks of the kernel while it does all that it can do is held
# against the rules.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
PROFILE=$SRC/packaging/apparmor/usr.sbin.patd
command -v apparmor_parser >/dev/null || skip_all 'needs apparmor'
run apparmor_parser --skip-kernel-load --skip-cache "$PROFILE"
is 'AppArmor reads the profile' "$rc$(grep -v 'interface file missing' <<<"$err")" 0
world_furnish

CALLS=open,openat,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,chmod,fchmod
CALLS+=,fchmodat,chown,fchown,lchown,fchownat,link,linkat,truncate,ftruncate,utimensat,connect,bind
CALLS+=,execve,mmap,flock,fcntl,socket
mkdir "$W/trace"
traced() {
	strace -ff -y -s 4096 -qq -e trace=$CALLS -o "$W/trace/$1" "${@:2}"
}

# use SECRET: sudo's, by way of patd.
use() {
	as alice sudo -k
	as alice timeout 30 sudo -S -p '' id -un <<<"$1"
}

# --- all that it does

sed -i '1a auth required pam_faillock.so preauth silent' /etc/pam.d/patd
printf 'auth required pam_faillock.so authfail\naccount required pam_faillock.so\n' >>/etc/pam.d/patd
echo 'alice:165536:65536' >>/etc/subuid
rm -rf /var/lib/pat
traced daemon patd --listen /run/pat &
tracer=$!
wait_for 20 patd_ready || bail 'patd does not start under strace'
mint alice ci --service sudo
run use "$TOKEN"
is 'under strace: sudo takes a token' "$out" root
as alice timeout 20 patctl create no --password-stdin <<<'wrong' 2>/dev/null
as alice patctl list >/dev/null
as alice patctl rotate ci --password-stdin <<<"${PASSWORD[alice]}" >/dev/null 2>&1
as alice patctl revoke ci >/dev/null 2>&1
setpriv --reuid=165600 --clear-groups patctl list >/dev/null 2>&1
as nobody patctl list >/dev/null 2>&1
rm /var/lib/pat/tokens.tdb
"$BUILD/tests/tools/pour" -b 7 -n 30 -g alice -u "$(id -u alice)" /var/lib/pat/tokens.tdb >/dev/null ||
	bail 'no store with long chains'
log_mark
give alice grown
ok 'under strace: it makes the store anew' wait_for 20 log_matches 'written anew in'
pid=$(pgrep -o -x patd) || bail 'no patd'
capabilities=$(sed -n 's/^CapPrm:[[:space:]]*//p' "/proc/$pid/status")
kill "$pid"
wait $tracer
ok 'under strace: it sweeps' traced sweep patd --sweep
ok 'under strace: it reads a policy' traced check patd --check-config /etc/security/pat.conf

# --- what the profile says of that

apparmor_parser -p "$PROFILE" >"$W/tmp/profile" 2>/dev/null
run "$SRC/tests/packaging/apparmor.py" "$W/tmp/profile" "$PROFILE" "$W"/trace/*
is 'the profile allows all of it' "$(grep '^denied' <<<"$out")" ''
# Under SELinux, where audit numbers logins, and where a stack has pam_env, there are more; the kernel
# maps patd itself.
is 'and what it allows of files is used' \
	"$(grep '^unused' <<<"$out" | grep -v 'unix_chkpwd\|bin/patd\|/default/locale\|/environment\|loginuid\|/fd/')" ''
like 'there was something to ask about' "$out" 'accesses: [0-9]{2,}'

is 'capabilities are those that patd keeps' \
	"$(sed -n 's/^ *capability \(.*\),/cap_\1/p' "$PROFILE" | sort | tr '\n' ' ')" \
	"$(capsh --decode="$capabilities" | sed 's/.*=//' | tr ',' '\n' | sort | tr '\n' ' ')"
families=$(grep -ho 'socket(AF_[A-Z0-9]*' "$W"/trace/* | sort -u | sed 's/.*(//' | tr '\n' ' ')
like 'and sockets are local, and of the audit' "$families" '^AF_NETLINK(<[^>]*>)? AF_UNIX $|^AF_UNIX $'
sed '/\/var\/lib\/pat\/\*/d' "$W/tmp/profile" >"$W/tmp/narrow"
run "$SRC/tests/packaging/apparmor.py" "$W/tmp/narrow" "$PROFILE" "$W"/trace/*
like 'a rule that were missing would be missed' "$out" 'denied: k /var/lib/pat/tokens.tdb.lock'

end
