#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Power cuts. What the real programs write to the store's directory, and sync, is recorded; of the
# record, disks are made that a power cut at each moment may have left; and what is on each is compared
# with what had been acknowledged by then. power_check.c tells what a disk may have lost.
#
# PAT_SECONDS makes it long; PAT_SEED repeats what a seed did.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

HERE=$BUILD/tests/torture
RECORDED=$W/power
STORE=$RECORDED/pat/tokens.tdb
LOG=$W/power.log
SEED=${PAT_SEED:-$(seed)}
if [ "${PAT_SECONDS-}" ]; then
	WANTED=5000 EACH=2500 ENOUGH=$((SECONDS + PAT_SECONDS)) LATEST=$((SECONDS + 3 * PAT_SECONDS))
	STEPS=40
else
	WANTED=1 EACH=400 ENOUGH=$SECONDS LATEST=$((SECONDS + 10)) STEPS=10
fi
diag "PAT_SEED=$SEED"

recorded() {
	LD_PRELOAD="$BUILD/tests/preload/record.so" PAT_RECORD_LOG=$LOG PAT_RECORD_DIR=$RECORDED "$@"
}

note() {
	"$HERE/power_note" "$LOG" "$@" || bail "power_note $*"
}

# change WHAT COMMAND...: grants are another after it.
change() {
	local what=$1
	shift
	note mark "begin $what"
	"$@" || bail "$what: $*: $(cat "$W/mint.err" 2>/dev/null)"
	note mark "done $what"
	note state "$STORE"
}

# The same, of what changes the tokens of one user after the other.
change_each() {
	local what=$1
	shift
	note mark "begin-each $what"
	"$@" || bail "$what: $*"
	note mark "done $what"
	note state "$STORE"
}

# keep WHAT COMMAND...: writes, and leaves all grants as they were.
keep() {
	local what=$1
	shift
	note mark "begin-keep $what"
	"$@" || bail "$what: $*: $(cat "$W/mint.err")"
	note mark "done $what"
	note state "$STORE"
}

# login USER SECRET: by the module itself, recorded.
login() {
	recorded "$BUILD/tests/tools/pamdrive" powered "$1" <<<"$2" 2>/dev/null
}

quietly() {
	"$@" >/dev/null 2>"$W/mint.err"
}

# --- what the programs do

declare -a IDS LEAVING
declare -A TOKENS OWNER COUNTED LEFT BEFORE

remember() {
	IDS+=("$ID")
	TOKENS[$ID]=$TOKEN
	OWNER[$ID]=$1
}

# forget ID: it logs nobody in any more, nor does what it replaced.
forget() {
	local id kept=()
	for id in "${IDS[@]}"; do [ "$id" = "$1" ] || kept+=("$id"); done
	IDS=("${kept[@]}")
	[ -z "${BEFORE[$1]-}" ] || forget "${BEFORE[$1]}"
}

one_of() {
	local list=("$@")
	echo "${list[RANDOM % ${#list[@]}]}"
}

# A use of a counted token is acknowledged when the login was let in.
use() {
	local id=$1 answer
	[ -z "${COUNTED[$id]-}" ] || note mark "try $id"
	answer=$(login "${OWNER[$id]}" "${TOKENS[$id]}")
	if [[ $answer = auth=success* ]]; then
		[ -z "${COUNTED[$id]-}" ] || spent_one "$id"
		USES=$((USES + 1))
	elif [ -z "${COUNTED[$id]-}" ]; then
		log_sync
		bail "a good token does not log in: $answer $(grep "id=$id" "$W/log" | tail -n 3)"
	fi
}

# With its last use it has ended, and nothing is done with it any more.
spent_one() {
	note mark "spent $1"
	LEFT[$1]=$((LEFT[$1] - 1))
	[ "${LEFT[$1]}" -gt 0 ] || forget "$1"
}

# The programs of a restart of the service, as after a power cut.
serve() {
	LD_PRELOAD="$BUILD/tests/preload/record.so" PAT_RECORD_LOG=$LOG PAT_RECORD_DIR=$RECORDED \
		patd --store "$STORE" --listen /run/pat 2>>"$W/patd.err" &
	# shellcheck disable=SC2034 # patd_stop ends it
	PATD_PID=$!
	wait_for 5 patd_ready || bail "patd does not start: $(cat "$W/patd.err")"
}

mint_one() {
	local user
	user=$(one_of alice bob carol)
	COUNT=$((COUNT + 1))
	change "mint $COUNT" give "$user" "token$COUNT" --service powered --expires "$1"
	remember "$user"
}

mint_counted() {
	local uses
	COUNT=$((COUNT + 1))
	uses=$((RANDOM % 4 + 2))
	change "mint counted $COUNT" give alice "token$COUNT" --service powered --uses $uses
	remember alice
	COUNTED[$ID]=$uses LEFT[$ID]=$uses
}

rotate_one() {
	local old new
	old=$(one_of "${IDS[@]}")
	# What was rotated already goes on for an hour, and is not rotated again.
	if [[ " ${LEAVING[*]} " == *" $old "* ]]; then
		mint_one 1d
		return
	fi
	change "rotate $old" rotate "$old" "$@"
	new=$TOKEN
	if [ $# -gt 0 ]; then LEAVING+=("$old"); else forget "$old"; fi
	TOKEN=$new ID=${new:7:8}
	[ $# -eq 0 ] || BEFORE[$ID]=$old
	remember "${OWNER[$old]}"
	COUNTED[$ID]=${COUNTED[$old]-} LEFT[$ID]=${COUNTED[$old]-}
}

rotate() {
	local old=$1
	shift
	TOKEN=$(patctl rotate "$old" "$@" 2>"$W/mint.err")
}

revoke_one() {
	local id
	id=$(one_of "${IDS[@]}")
	change "revoke $id" quietly patctl revoke "$id"
	forget "$id"
}

edit_one() {
	local id
	id=$(one_of "${IDS[@]}")
	change "edit $id" quietly patctl edit "$id" --description "$RANDOM $(head -c $((RANDOM % 200)) /dev/zero |
		tr '\0' x)"
}

suspend_one() {
	local id
	id=$(one_of "${IDS[@]}")
	change "suspend $id" quietly patctl suspend "$id"
	change "resume $id" quietly patctl resume "$id"
}

# A refusal is noted, too; and several at a time.
use_some() {
	local id
	for _ in 1 2; do
		id=$(one_of "${IDS[@]}")
		use "$id"
	done
	login bob "$("$LIB/forge.py" "$id")" >/dev/null
}

# sweep WHEN: has something to do for each user, and ends what rotation has left for an hour.
sweep_all() {
	local user id
	for id in "${LEAVING[@]}"; do forget "$id"; done
	LEAVING=()
	for user in alice bob; do
		COUNT=$((COUNT + 1))
		change "mint to sweep $COUNT" give "$user" "short$COUNT" --service powered --expires 1h
	done
	change_each "sweep $1" recorded faketime -f "$1" patd --sweep --store "$STORE" >/dev/null
}

rebuild_it() {
	keep rebuild quietly recorded patstore rebuild --store "$STORE"
}

# What was minted since the backup is gone after it. No use is made in between: it would be, too.
restore_it() {
	rm -f "$W/backup"
	quietly patstore backup --store "$STORE" "$W/backup" || bail "backup: $(cat "$W/mint.err")"
	mint_one 1d
	change restore quietly recorded patstore restore --replace --store "$STORE" "$W/backup"
	forget "$ID"
}

can() {
	patstore --help | grep -q "^  $1"
}

# A step of a story: what is chosen by its number.
step() {
	case $1 in
	0) mint_one 1d ;;
	1) mint_counted ;;
	2) rotate_one ;;
	3) rotate_one --overlap 1h ;;
	4) revoke_one ;;
	5) edit_one ;;
	6) suspend_one ;;
	7) sweep_all +2h ;;
	8) if can rebuild; then rebuild_it; else use_some; fi ;;
	9) if can restore; then restore_it; else use_some; fi ;;
	*) use_some ;;
	esac
}

# story SEED: a life of a store, from nothing on.
story() {
	local i
	RANDOM=$1 COUNT=0 USES=0
	IDS=() LEAVING=() TOKENS=() OWNER=() COUNTED=() LEFT=() BEFORE=()
	rm -rf "$RECORDED" "$LOG"
	mkdir -m 755 "$RECORDED"
	"$HERE/power_note" "$LOG" make || bail 'no log'
	serve
	mint_one 1y
	mint_counted
	use "${IDS[1]}"
	for ((i = 0; i < STEPS; i++)); do
		# Each kind once, and then any; a login in between.
		step $((i < 10 ? i : RANDOM % 12))
		[ ${#IDS[@]} -gt 3 ] || mint_one 1y
		use "$(one_of "${IDS[@]}")"
	done
	patd_stop
}

# --- what a power cut leaves of it

IMAGES=0 NESTED=0 MOMENTS=0 OPERATIONS=0 ALL_USES=0 FAULTS=0 ROUNDS=0

check() {
	local report last
	mkdir -p "$W/image"
	report=$(LD_PRELOAD="$BUILD/tests/preload/record.so" \
		"$HERE/power_check" "$LOG" "$STORE" "$W/image" "$EACH" "$1" 2>&1)
	last=$(tail -n 1 <<<"$report")
	if ! [[ $last =~ ^images\ ([0-9]+)\ nested\ ([0-9]+)\ moments\ ([0-9]+)\ operations\ ([0-9]+)\ faults\ ([0-9]+)$ ]]; then
		bail "power_check: $report"
	fi
	IMAGES=$((IMAGES + BASH_REMATCH[1]))
	NESTED=$((NESTED + BASH_REMATCH[2]))
	MOMENTS=$((MOMENTS + BASH_REMATCH[3]))
	OPERATIONS=$((OPERATIONS + BASH_REMATCH[4]))
	ALL_USES=$((ALL_USES + USES))
	FAULTS=$((FAULTS + BASH_REMATCH[5]))
	[ "${BASH_REMATCH[5]}" -eq 0 ] || WRONG+="PAT_SEED=$1"$'\n'"$(head -n 20 <<<"$report")"$'\n'
}

service powered "auth required pam_pat.so store=$STORE" 'account required pam_permit.so' \
	'session required pam_permit.so'
WRONG=
while :; do
	story "$SEED"
	check "$SEED"
	ROUNDS=$((ROUNDS + 1)) SEED=$((SEED + 1))
	[ "$SECONDS" -lt "$LATEST" ] || break
	[ "$IMAGES" -lt "$WANTED" ] || [ "$SECONDS" -lt "$ENOUGH" ] || break
done

is 'after a power cut, nothing acknowledged is lost, nothing is invented, nothing half done' "$WRONG" ''
ok 'the cuts were many' test "$IMAGES" -ge "$((WANTED > 300 ? WANTED : 300))"
ok 'and some hit a recovery' test "$NESTED" -ge 10
printf '# figure: power cuts: %d images (%d of them in a recovery) of %d writes and syncs of %d changes and %d uses, %d faults\n' \
	"$IMAGES" "$NESTED" "$MOMENTS" "$OPERATIONS" "$ALL_USES" "$FAULTS"
end
