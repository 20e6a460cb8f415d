#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The packages for Debian on a machine that systemd has booted: installed, upgraded while users log in by
# sudo and ssh, not removed, and removed. The tree with systemd is beside $PAT_TREE.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tree.sh
. "$SRC/tests/lib/tree.sh"
tree_enter
W=$S
# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$SRC/tests/lib/world.sh"
# shellcheck source=SCRIPTDIR/../lib/box.sh
. "$SRC/tests/lib/box.sh"
PAT_TREE=$PAT_TREE-booted
[ -d "$PAT_TREE" ] || skip_all 'no tree with systemd'
command -v systemd-nspawn >/dev/null || skip_all 'needs systemd-nspawn'
tree_older || bail 'no older version'
tree_fresh
in_tree sh -c 'useradd -m -s /bin/bash -G sudo alice && echo "alice:Sesame 1" | chpasswd' || bail 'no alice'
mkdir $T/root/debs
cp $S/debs/{libpam-pat,patctl}_*.deb $T/root/debs/ || bail 'no packages'
umount -R $T/proc $T/run $T/dev
printf '%032d\n' 1 >$T/etc/machine-id
echo "127.0.1.1 $(<$T/etc/hostname)" >>$T/etc/hosts
ROOT=$T
if ! box_boot >$S/box.err 2>&1; then
	diag "$(tail -n 20 $S/box.err $S/boot)"
	box_end
	skip_all 'needs the right to boot a systemd of its own'
fi

install_version() {
	# shellcheck disable=SC2016
	box env DEBIAN_FRONTEND=noninteractive sh -c 'dpkg -i --force-confold /root/debs/*_$0_*.deb' "$1"
}
give() {
	box patctl create --user alice "$@" 2>/dev/null
}

# by_sudo SECRET, by_ssh SECRET: who alice then is.
by_sudo() {
	box_as alice sudo -k
	box_as alice timeout 30 sudo -S -p '' id -un <<<"$1" 2>/dev/null
}
by_ssh() {
	box sshpass -d 0 ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \
		-o NumberOfPasswordPrompts=1 -o PubkeyAuthentication=no alice@127.0.0.1 id -un <<<"$1"
}

# busy WHO WANTED COMMAND...: logs in without a pause until $S/enough is there; what went wrong is in $S/WHO.
busy() {
	local answer count=0
	while [ ! -e $S/enough ]; do
		answer=$("${@:3}" 2>&1)
		count=$((count + 1))
		[ "$answer" = "$2" ] || echo "login $count: $answer"
	done >"$S/$1"
	echo "$count" >"$S/$1.count"
}

run install_version "$OLD"
exited 'the older version installs' 0
is 'and listens' "$(state_of ActiveState patd.socket)" active
is 'and is enabled' "$(box systemctl is-enabled patd.socket patd-sweep.timer | xargs)" 'enabled enabled'
box pam-auth-update --enable pat
LOCAL=$(give local -s sudo) REMOTE=$(give remote -s sshd)
wait_for 10 box systemctl is-active ssh.service
is 'a token is good for sudo' "$(by_sudo "$LOCAL")" root
is 'and one for ssh' "$(by_ssh "$REMOTE")" alice

# --- upgraded while users log in

was=$(state_of MainPID) since=$(state_of ActiveEnterTimestampMonotonic patd.socket)
busy sudo root by_sudo "$LOCAL" &
who_log_in=($!)
busy ssh alice by_ssh "$REMOTE" &
who_log_in+=($!)
busy password root by_sudo 'Sesame 1' &
who_log_in+=($!)
sleep 1
run install_version "$NEW"
exited 'the new one installs over it' 0
sleep 1
touch $S/enough
wait "${who_log_in[@]}"
for who in sudo ssh password; do
	is "who logs in meanwhile is let in each time: $who" "$(<$S/$who)" ''
	ok "and somebody did: $who" test "$(<$S/$who.count)" -gt 2
done
is 'the socket stayed' "$(state_of ActiveState patd.socket) $(state_of ActiveEnterTimestampMonotonic patd.socket)" \
	"active $since"
unlike 'patd is another one' "$(state_of MainPID)" "^($was|0)$"
is 'and of no file that is gone' "$(box sh -c "readlink /proc/$(state_of MainPID)/exe")" /usr/sbin/patd
is 'nothing of ours is left as failed' "$(box systemctl list-units --failed --plain --no-legend 'patd*')" ''

# --- not removed, and removed

box sed -i '1i auth [success=done authinfo_unavail=ignore default=die] pam_pat.so' /etc/pam.d/sudo
run box dpkg -r libpam-pat
refused 'not removed while a stack names the module'
like 'which it says' "$err" 'these PAM stacks name pam_pat\.so:'
is 'and all goes on' "$(by_sudo "$LOCAL") $(state_of ActiveState patd.socket)" 'root active'
box sed -i 1d /etc/pam.d/sudo
run box dpkg -r libpam-pat patctl
exited 'removed' 0
is 'the password is good for sudo' "$(by_sudo 'Sesame 1')" root
is 'and for ssh' "$(by_ssh 'Sesame 1')" alice
is 'nothing of ours runs' "$(box systemctl list-units --plain --no-legend 'patd*')$(box pgrep patd)" ''
not 'nor is there a socket' box test -e /run/pat/verify
run box env DEBIAN_FRONTEND=noninteractive dpkg -P libpam-pat
exited 'purged' 0
is 'nothing is enabled' "$(box find /etc/systemd -name 'patd*')" ''

box_end
done_testing
