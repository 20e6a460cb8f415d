#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# 16 threads of one process, each with logins of its own through the machine's libpam: as root, where the
# module opens the store in that process, and as a server that is not, where it asks patd.
#
# The program is tests/torture/threads.c. It runs under ThreadSanitizer with a build of
# `make SANITIZE=thread BUILD=DIR`, by PAT_THREADS_BUILD=DIR, and under helgrind by
# PAT_THREADS_UNDER='valgrind --tool=helgrind --suppressions=FILE --error-exitcode=9' with the FILE
# helgrind.supp beside this one; what they report fails the suite. PAT_THREADS=4 leaves helgrind, which is
# slow, the time that a login has.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
PROGRAM=${PAT_THREADS_BUILD:-$BUILD}/tests/torture/threads
[ -x "$PROGRAM" ] || skip_all 'needs the program threads: make tools'
THREADS=${PAT_THREADS:-16}
read -ra UNDER <<<"${PAT_THREADS_UNDER-}"
LOGINS_EACH=${PAT_SECONDS:+2000}
LOGINS_EACH=${LOGINS_EACH:-${PAT_THREADS_LOGINS:-100}}

# threads [USER]: what it says of the lines, as that user.
threads() {
	local as=()
	[ $# -eq 0 ] || as=(setpriv --reuid="$1" --regid="$(id -g "$1")" --init-groups)
	run env TSAN_OPTIONS="log_path=$W/tmp/race:exitcode=9:suppressions=$W/tsan.supp" timeout 280 \
		"${as[@]}" "${UNDER[@]}" "$W/threads" -t "$THREADS" -n "$LOGINS_EACH" threads <"$W/lines"
	echo "# figure: $THREADS threads as ${1:-root}: $out"
}

# How often the good lines come: each thread goes through all of them, in turn.
good_logins() {
	awk -v threads="$THREADS" -v each="$LOGINS_EACH" -v id="$1" '
		{ lines[NR - 1] = index($0, "success ") == 1 && index($0, "lnxpat_" id) > 0 }
		END {
			for (t = 0; t < threads; t++)
				for (i = 0; i < each; i++)
					count += lines[(t + i) % NR]
			print count + lines[0]
		}' "$W/lines"
}

# Others mint and revoke meanwhile: until the file is gone.
busy() {
	local n=0
	while [ -e "$W/busy" ]; do
		n=$((n + 1))
		give carol "other$n" --service threads
		patctl revoke --quiet --user carol "other$n"
	done
}

no_race() {
	[ "${PAT_THREADS_BUILD-}" ] || return 0
	is "$1: ThreadSanitizer has no race to report" "$(cat "$W"/tmp/race* 2>/dev/null | head -c 4000)" ''
	rm -f "$W"/tmp/race*
}

world_furnish
# A program without ThreadSanitizer cannot load a module that has it; nobody else needs this one here.
[ -z "${PAT_THREADS_BUILD-}" ] ||
	install -m 644 "$PAT_THREADS_BUILD/pam_pat.so" "$(find /usr/lib /lib -name pam_pat.so | head -n 1)"
cp "$PROGRAM" "$W/threads"
cp "$SRC/tests/callers/tsan.supp" "$W/tsan.supp"
service threads 'auth  required  pam_pat.so' 'account  required  pam_pat.so'
verify_for www-data
patd_start

# tokens NAME 3>FILE: lines for the program, about tokens of that name.
tokens() {
	local n
	for n in 1 2 3; do
		give alice "$1$n" --service threads
		echo "success alice $TOKEN" >&3
		echo "auth_err bob $TOKEN" >&3
		echo "auth_err alice $(wrong "$TOKEN")" >&3
		give bob "$1$n" --service threads
		echo "success bob $TOKEN" >&3
	done
	give bob "$1elsewhere" --service other
	echo "auth_err bob $TOKEN" >&3
	echo "authinfo_unavail alice ${TOKEN%?}" >&3
	echo 'authinfo_unavail alice some password' >&3
}

for user in root www-data; do
	tokens "$user" 3>"$W/lines"
	id=$(sed -n '1s/.*lnxpat_\(.\{8\}\).*/\1/p' "$W/lines")
	: >"$W/busy"
	busy >/dev/null &
	log_mark
	if [ "$user" = root ]; then threads; else threads "$user"; fi
	rm "$W/busy"
	wait "$!"
	is "$user: each login of each thread is answered right, and nothing is left open" "$rc $out" \
		"0 logins=$((THREADS * LOGINS_EACH + 1)) wrong=0 descriptors=0"
	[ -z "$err" ] || diag "$err"
	is "$user: each use is counted" "$(counted_uses alice "$id")" "$(good_logins "$id")"
	no_race "$user"
	is "$user: the store or patd was always to be had" "$(log_lines | grep -c 'reason=unavailable')" 0
	if [ "$user" = root ]; then
		is 'root: it was the store, in this process, for every thread' \
			"$(log_lines | grep -c 'peer="uid=0 ')" 0
	else
		is "$user: it was patd" "$(log_lines | grep -c 'pam_pat(threads:auth): accepted')" 0
	fi
done
end
