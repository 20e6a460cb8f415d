#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Each call to the C library that a program of ours makes fails once, or from then on, in each way that
# it can: a clear error, nothing lost, nothing let in, and the next try succeeds. And disks that are full or
# read-only for real: who has a token logs in, a token can be revoked, and somebody is told.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

export FAIL_SO=$BUILD/tests/preload/fail.so FAIL_PLAN=$W/plan DRIVE=$BUILD/tests/tools/pamdrive
export LOG=$W/log ALICE=${PASSWORD[alice]} PATD_PID
MODULE=$BUILD/pam_pat.so
STORE_DIR=/var/lib/pat
SEED=${PAT_SEED:-$(seed)}

pam_services() {
	local rest=('account required pam_permit.so' 'session required pam_permit.so')
	service probe "auth required $MODULE" "${rest[@]}"
	service alone "auth required $MODULE socket=/run/none" "${rest[@]}"
	service remote "auth required $MODULE store=/run/none/none" "${rest[@]}"
}

EVERYWHERE=probe,alone,remote

# The tokens that all begin with, and a file that tells the driver which they are.
first_tokens() {
	echo 'max_tokens = 1000' >/etc/security/pat.conf
	give bob other --service $EVERYWHERE
	printf 'bobs %s\n' "$TOKEN" >"$LOG.tokens"
	give alice good --service $EVERYWHERE
	GOOD=$TOKEN GOOD_ID=$ID
	printf 'good %s\nforged %s\npassword secret\n' "$TOKEN" "$("$LIB/forge.py" "$ID")" >>"$LOG.tokens"
	give alice counted --service $EVERYWHERE --uses 100000
	COUNTED=$TOKEN
	printf 'counted %s\n' "$TOKEN" >>"$LOG.tokens"
	give alice gone --service $EVERYWHERE
	printf 'revoked %s\n' "$TOKEN" >>"$LOG.tokens"
	patctl revoke --user alice gone >/dev/null
}

pam_services
head -c 4096 /dev/zero >"$FAIL_PLAN"
export LD_PRELOAD=$FAIL_SO PAT_FAIL=$FAIL_PLAN
patd_preload() { echo "$FAIL_SO"; }
patd_start
unset LD_PRELOAD PAT_FAIL
first_tokens

# Only some: PAT_SCENARIOS='Create Revoke'.
read -ra SCENARIOS <<<"${PAT_SCENARIOS-}"

# To repeat one: PAT_FAULT='Create 113:1' or 'Create 113:1:on'.
if [ "${PAT_FAULT-}" ]; then
	run "$LIB/faults.py" once "${PAT_FAULT#* }" 0 "${PAT_FAULT% *}"
elif [ "${PAT_SECONDS-}" ]; then
	run "$LIB/faults.py" all $((PAT_SECONDS * 5 / 2)) "$SEED" "${SCENARIOS[@]}"
else
	run "$LIB/faults.py" some 2 "$SEED" "${SCENARIOS[@]}"
fi
grep '^# figure:' <<<"$out"
is "whatever fails: an error, nothing lost, nobody let in, and the next try succeeds (seed $SEED)" \
	"$(grep -v '^# figure:' <<<"$out")$err" ''
like 'there were faults' "$out" 'figure: [1-9][0-9]* faults in'
patd_stop
patd_preload() { :; }

# ---- Disks

drive() {
	timeout 60 "$DRIVE" "$@" 2>"$W/said"
}

# on_disk NAME MOUNT...: begins anew with a store on a file system of its own.
on_disk() {
	DISK=$1
	shift
	find $STORE_DIR -mindepth 1 -delete
	mount "$@" $STORE_DIR || return
	chmod 700 $STORE_DIR
	patd_start
	first_tokens
	for NAME in one two three; do
		give alice "$NAME" --service $EVERYWHERE
	done
	ONE=$TOKEN
}

off_disk() {
	patd_stop
	umount $STORE_DIR
}

# logs_in WHEN: by each path, a token of each kind.
logs_in() {
	run drive alone alice <<<"$GOOD"
	like "$DISK, $1: a login" "$out" '^auth=success '
	run drive remote alice <<<"$GOOD"
	like "$DISK, $1: a login by way of patd" "$out" '^auth=success '
}

# tells WHEN WHAT WHY: the last run failed, and said why; so did the log.
tells() {
	exited "$DISK, $1: $2 fails" 1
	like "$DISK, $1: and says why" "$err" "$3"
	logged "$DISK, $1: so does the log" "^<8[23]>.*patd.*$3"
}

refused_now() {
	run drive alone alice <<<"$1"
	like "$DISK, $2: it is refused" "$out" '^auth=auth_err '
}

all_is_well() {
	logs_in "$1"
	run drive alone alice <<<"$COUNTED"
	like "$DISK, $1: a counted login" "$out" '^auth=success '
	run patctl create --user alice again --service probe
	exited "$DISK, $1: a mint" 0
	run patctl revoke --user alice again
	exited "$DISK, $1: a revocation" 0
	run patstore check
	like "$DISK, $1: no record is worse for it" "$out" ' 0 faults'
}

fill_disk() {
	dd if=/dev/zero of=$STORE_DIR/filler bs=64k status=none 2>/dev/null
	dd if=/dev/zero of=$STORE_DIR/filler2 bs=512 status=none 2>/dev/null
	sync -f $STORE_DIR
}

# There may be room left in the store itself.
mint_until_full() {
	local i
	for ((i = 0; i < 600; i++)); do
		log_mark
		run patctl create --user carol "filling $i" --service probe
		[ "$rc" -eq 0 ] || return
	done
}

full() {
	fill_disk
	logs_in full
	run drive alone alice <<<"$COUNTED"
	like "$DISK, full: a counted login" "$out" '^auth=success '
	mint_until_full
	tells full 'a mint' 'No space left on device'
	logs_in 'full to the brim'
	run patctl revoke --user alice one
	exited "$DISK, full: a token can be revoked" 0
	run drive alone alice <<<"$GOOD"
	like "$DISK, full: and the others are as they were" "$out" '^auth=success '
	run patctl revoke --user alice three
	exited "$DISK, full: another, too" 0
	refused_now "$ONE" full
	run patctl revoke --user carol --all
	exited "$DISK, full: and many at once" 0
	is "$DISK, full: all of them" "$(patctl list --user carol --json)" '[]'
	rm $STORE_DIR/filler $STORE_DIR/filler2
	all_is_well 'with room again'
}

read_only() {
	local before
	before=$(field uses "$GOOD_ID")
	mount -o remount,ro $STORE_DIR || return
	log_mark
	logs_in read-only
	is "$DISK, read-only: the missed stamp is logged, once for each login" \
		"$(log_lines | grep -c "accepted token id=$GOOD_ID .*could not be stamped")" 2
	run drive alone alice <<<"$COUNTED"
	like "$DISK, read-only: what must be counted is refused" "$out" '^auth=system_err '
	run drive alone alice <<<"$("$LIB/forge.py" "$GOOD_ID")"
	like "$DISK, read-only: what is wrong stays wrong" "$out" '^auth=auth_err '
	run patctl list --user alice --json
	exited "$DISK, read-only: a list" 0
	run patstore check
	exited "$DISK, read-only: a check" 0
	log_mark
	run patctl create --user alice new --service probe
	tells read-only 'a mint' 'Read-only file system'
	log_mark
	run patctl revoke --user alice two
	tells read-only 'a revocation' 'Read-only file system'
	mount -o remount,rw $STORE_DIR
	is "$DISK, read-only: nothing was written" "$(field uses "$GOOD_ID")" "$before"
	all_is_well 'writable again'
}

# first_without_room KIB: what is left on the disk where the first token makes the store.
first_without_room() {
	DISK="tmpfs with $1 KiB left"
	find $STORE_DIR -mindepth 1 -delete
	mount -t tmpfs -o "size=$((4096 + $1))k" none $STORE_DIR || return
	chmod 700 $STORE_DIR
	patd_start
	head -c 4M /dev/zero >$STORE_DIR/filler
	log_mark
	run patctl create --user alice first --service probe
	tells full 'the first token' 'No space left on device'
	rm $STORE_DIR/filler
	run patctl create --user alice first --service probe
	exited "$DISK, with room again: the first token" 0
	off_disk
}

# For nothing, for the head of the file, and for the store, but not for what it takes to change it.
for left in 0 44 1200; do
	first_without_room $left
done
on_disk tmpfs -t tmpfs -o size=3m none && full
read_only
off_disk

# The loop devices are the machine's; a mount gives its one back when it ends.
loop_devices() {
	local i
	[ -e /sys/class/misc/loop-control/dev ] || return
	mknod /dev/loop-control c 10 237
	for i in {0..31}; do mknod "/dev/loop$i" b 7 "$i"; done
	truncate -s 10M "$W/disk" && mkfs.ext4 -q -F -m 0 "$W/disk"
}
if loop_devices >&2 && on_disk ext4 -o loop "$W/disk"; then
	full
	read_only
	off_disk
else
	skip 'a file system of its own that is full, or read-only' 'needs loop devices and mkfs.ext4'
fi

end
