# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# For suites that need a real systemd: one that systemd-nspawn boots in the world, on its /usr, with a copy
# of its /etc and a network that has nothing in it. It is ended with the suite.
#
#	box_make && box_boot || ...   # $ROOT is its root directory
#	box systemctl ...
#	box_end

ROOT=$W/box

# A root directory whose /usr is the world's, with nothing enabled.
box_make() {
	local link
	mkdir -p "$ROOT"/{usr,proc,sys,dev,run,tmp,var,root,home,opt} || return
	for link in /bin /sbin /lib /lib32 /lib64 /libx32; do
		[ ! -L $link ] || cp -a $link "$ROOT$link" || return
	done
	mount --bind /usr "$ROOT/usr" && mount -o remount,bind,ro "$ROOT/usr" || return
	cp -a /etc "$ROOT/etc" || return
	rm -rf "$ROOT"/etc/systemd/{system,user} "$ROOT"/etc/rc?.d "$ROOT"/etc/init.d "$ROOT/etc/fstab"
	mkdir -p "$ROOT/etc/systemd/system"
	printf '%032d\n' 1 >"$ROOT/etc/machine-id"
}

# Cgroups of its own, because those that systemd-nspawn makes outlive it: of one name in each hierarchy in
# which systemd keeps processes.
CGROUPS=()
cgroups_make() {
	local mount name=pat-box.$RANDOM$RANDOM
	while read -r mount; do
		mkdir "$mount/$name" || return
		CGROUPS+=("$mount/$name")
	done < <(awk '$3 == "cgroup2" || $3 == "cgroup" && $4 ~ /name=systemd/ { print $2 }' /proc/self/mounts)
	[ ${#CGROUPS[@]} -gt 0 ]
}

boot() {
	local dir
	for dir in "${CGROUPS[@]}"; do
		echo "$BASHPID" >"$dir/cgroup.procs" || exit
	done
	exec systemd-nspawn --quiet --directory="$ROOT" --boot --private-network --register=no --keep-unit \
		--link-journal=no --console=pipe </dev/null >"$W/boot" 2>&1
}

NSPAWN='' INIT=''
box_boot() {
	cgroups_make || return
	boot &
	NSPAWN=$!
	wait_for 30 settled && booted
}

settled() {
	gone "$NSPAWN" || booted
}

box_end() {
	local dir
	if [ "$NSPAWN" ]; then
		kill "$NSPAWN" 2>/dev/null
		wait_for 20 gone "$NSPAWN" || kill -KILL "$NSPAWN" ${INIT:+"$INIT"}
		wait "$NSPAWN" 2>/dev/null
		NSPAWN=
	fi
	for dir in "${CGROUPS[@]}"; do
		wait_for 5 cgroup_remove "$dir"
	done
	CGROUPS=()
}

cgroup_remove() {
	find "$1" -depth -type d -exec rmdir {} \;
	[ ! -d "$1" ]
}
trap box_end EXIT

booted() {
	INIT=$(pgrep -P "$NSPAWN")
	[ "$INIT" ] && box systemctl is-system-running | grep -qE 'running|degraded'
}

# box COMMAND...: in there, as root.
box() {
	timeout 60 nsenter --target "$INIT" --mount --pid --net --ipc --uts --root --wd -- \
		env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 "$@"
}

# box_as USER COMMAND...
box_as() {
	local user=$1
	shift
	box setpriv --reuid="$user" --regid="$user" --init-groups "$@"
}

state_of() {
	box systemctl show -P "$1" "${2:-patd.service}"
}
