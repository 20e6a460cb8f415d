#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# i3lock, a screen locker: it runs as the user whose screen it locks, and so asks patd about that user. The
# screen is Xvfb's, the typist xdotool.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
# shellcheck source=SCRIPTDIR/../lib/callers.sh
. "$SRC/tests/lib/callers.sh"
needs_programs Xvfb i3lock xdotool
export DISPLAY=127.0.0.1:7

# By TCP, in the network of this world: the socket and the lock file of a screen are in everybody's /tmp. Keys
# do not repeat (-r), however long it takes until the typist lets go of them.
screen_start() {
	Xvfb :7 -screen 0 320x240x24 -listen tcp -nolisten unix -nolisten local -nolock -ac -r \
		-noreset >"$W/screen" 2>&1 &
	SCREEN=$!
	wait_for 10 xdotool getmouselocation || bail "Xvfb does not start: $(<"$W/screen")"
}

# lock: alice locks the screen. It says that it is drawn when the keyboard is its own.
lock() {
	log_mark
	exec_as alice env DISPLAY="$DISPLAY" i3lock --debug --nofork --color=000000 >"$W/locker" 2>&1 &
	LOCKER=$!
	wait_for 10 grep -q 'redraw_screen(unlock_state = 0, auth_state = 0)' "$W/locker" || bail "i3lock does not start: $(<"$W/locker")"
}

# enter TEXT: types it, which the locker reads, and Return.
enter() {
	printf '%s' "$1" | xdotool type --delay 12 --file - && xdotool key Return
}

locked() {
	! gone "$LOCKER"
}

# unlocks TEXT SECRET: the locker ends, and says that all is well. On a busy machine keys get lost on the way;
# what remains of the secret is then something else, and refused.
unlocks() {
	local try
	for try in 1 2 3; do
		log_mark
		enter "$2"
		if wait_for 10 gone "$LOCKER" || [ "$try" = 3 ]; then break; fi
	done
	if locked; then
		kill "$LOCKER"
		fail "$1" "the screen is still locked: $(log_lines)"
	else
		wait "$LOCKER"
		is "$1" "$?" 0
	fi
}

# stays TEXT SECRET REASON: the secret was refused, and the screen is locked. i3lock looks at nothing for
# some seconds then, so each try has one of its own.
stays() {
	local try
	for try in 1 2 3; do
		lock
		enter "$2"
		if wait_for 5 log_matches "$3" || ! locked || [ "$try" = 3 ]; then break; fi
		ended "$LOCKER"
	done
	logged "$1: it was refused" "$3"
	sleep 0.2
	ok "$1: the screen stays locked" locked
	ended "$LOCKER"
}

world_furnish
# i3lock's stack includes that of login, in which the line stands.
patd_start
screen_start
give alice screen --service i3lock
alice=$TOKEN
give bob screen --service i3lock
bob=$TOKEN
give alice else --service sshd

lock
is 'it runs as the user, with nothing of root' \
	"$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$LOCKER/status")" \
	"$(id -u alice) $(id -u alice) $(id -u alice) $(id -u alice)"
ended "$LOCKER"
stays 'a wrong token' "$(wrong "$alice")" 'patd\[[0-9]+\]: refused token .* service="i3lock".* reason=secret'
stays 'the token of another' "$bob" 'patd\[[0-9]+\]: refused token .* user="alice".* reason=other-user'
stays 'a token for another service' "$TOKEN" 'refused token .* reason=service'
stays 'a wrong password' 'not the password' 'pam_unix\(i3lock:auth\): authentication failure'
lock
unlocks "a token of one's own unlocks the screen" "$alice"
logged 'by patd, for its owner' \
	"patd\[[0-9]+\]: accepted token .* user=\"alice\" service=\"i3lock\".* tty=\"$DISPLAY\" peer=\"uid=$(id -u alice) "
is 'one unlocking is one authentication' "$(log_lines | grep -c 'accepted token')" 1
lock
enter "$bob"
wait_for 5 log_matches 'refused token'
unlocks "a password does, after another's token in its place" "${PASSWORD[alice]}"
patctl revoke --quiet --user alice screen
stays 'a revoked token' "$alice" 'refused token .* reason=revoked'
patd_stop
stays 'a token without patd' "$bob" 'refused token .* reason=unavailable'
lock
unlocks 'the password does without patd' "${PASSWORD[alice]}"
ended "$SCREEN"
end
