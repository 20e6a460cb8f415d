#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# Every outcome of pam_pat.so under every control, with pam_permit and pam_faildelay around it, by both
# paths: nothing but a valid token, or the right password where pam_unix follows, ever gets in.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

MODULE=${PAT_SANITIZED:-$BUILD}/pam_pat.so
DRIVE=${PAT_SANITIZED:-$BUILD}/tests/tools/pamdrive
STORE=/var/lib/pat/tokens.tdb
NOWHERE=/var/lib/pat/none.tdb

# --- what can be presented, to whom, and what the module alone answers

declare -A SECRET WHO ANSWER REASON
OUTCOMES=()

# outcome NAME USER SECRET ANSWER [REASON]: the last is what the log says of it.
outcome() {
	OUTCOMES+=("$1")
	WHO[$1]=$2 SECRET[$1]=$3 ANSWER[$1]=$4 REASON[$1]=${5-}
}

other_character() {
	if [ "$1" = A ]; then echo B; else echo A; fi
}

useradd --create-home locked && useradd --create-home former
echo 'locked:locked: Sesame' | chpasswd

give alice ephemeral --service matrix --expires 2s
EXPIRED=$TOKEN
give alice good --service matrix
GOOD=$TOKEN GOOD_ID=$ID
outcome 'valid token' alice "$GOOD" success
outcome 'right password' alice "${PASSWORD[alice]}" authinfo_unavail
outcome 'wrong password' alice 'not the password' authinfo_unavail
outcome 'empty password' alice '' authinfo_unavail
outcome 'token cut short' alice "${GOOD%?}" authinfo_unavail
outcome 'bad checksum' alice "${GOOD%?}$(other_character "${GOOD: -1}")" auth_err checksum
outcome 'unknown id' alice "$("$LIB/forge.py" 00000000)" auth_err unknown
outcome 'wrong secret' alice "$("$LIB/forge.py" "$GOOD_ID")" auth_err secret
outcome "another user's token" bob "$GOOD" auth_err other-user
outcome 'no such user' nobody-here "$GOOD" auth_err no-user
give alice revoked --service matrix
patctl revoke --user alice revoked >/dev/null
outcome 'revoked token' alice "$TOKEN" auth_err revoked
outcome 'expired token' alice "$EXPIRED" auth_err expired
give alice elsewhere --service elsewhere
outcome 'token of another service' alice "$TOKEN" auth_err service
give locked ci --service matrix
passwd --quiet --lock locked
outcome 'locked account' locked "$TOKEN" auth_err locked
give former ci --service matrix
usermod --login latter former
outcome 'renamed user' latter "$TOKEN" auth_err former-user
give alice 'damaged record' --service matrix
/usr/bin/python3 - $STORE <<-'END'
	import sys
	with open(sys.argv[1], "r+b") as store:
	    data = store.read()
	    # Every copy: a transaction leaves one in its recovery area.
	    at = data.find(b"damaged record")
	    while at >= 0:
	        store.seek(at)
	        store.write(b"D")
	        at = data.find(b"damaged record", at + 1)
END
outcome 'damaged record' alice "$TOKEN" auth_err damaged
sleep 2

# --- stacks: a control, what stands around the module, and whether a password can help

# stack_of CONTROL CONTEXT: with OPTIONS behind the module.
stack_of() {
	local line="auth $1 $MODULE $OPTIONS"
	case $2 in
	alone) service matrix "$line" ;;
	'permit before') service matrix 'auth required pam_permit.so' "$line" ;;
	'permit after') service matrix "$line" 'auth required pam_permit.so' ;;
	'faildelay and permit') service matrix 'auth optional pam_faildelay.so delay=0' "$line" \
		'auth required pam_permit.so' ;;
	'unix after') service matrix "$line" 'auth required pam_unix.so nodelay' ;;
	'permit, unix after') service matrix 'auth required pam_permit.so' "$line" \
		'auth required pam_unix.so nodelay' ;;
	'unix and permit after') service matrix "$line" 'auth required pam_unix.so nodelay' \
		'auth required pam_permit.so' ;;
	'faildelay, unix, permit') service matrix 'auth optional pam_faildelay.so delay=0' "$line" \
		'auth required pam_unix.so nodelay' 'auth required pam_permit.so' ;;
	'deny after') service matrix "$line" 'auth required pam_deny.so' ;;
	# Such as a second factor that was not there.
	'deny before') service matrix 'auth required pam_deny.so' "$line" \
		'auth required pam_unix.so nodelay' ;;
	esac
}

BRACKET='[success=done authinfo_unavail=ignore default=die]'

# should_enter CONTROL CONTEXT OUTCOME: whether that may get in.
should_enter() {
	case "$3:$1:$2" in
	*:'deny before') return 1 ;;
	'valid token:required:'*unix* | 'valid token:requisite:'*unix*) return 1 ;; # wants both
	'valid token:required:deny after' | 'valid token:requisite:deny after') return 1 ;;
	'valid token:'*) return 0 ;;
	'right password:sufficient:'*unix* | "right password:$BRACKET:"*unix*) return 0 ;;
	esac
	return 1
}

# try CONTROL CONTEXT OUTCOME: what the stack answers, in $answer.
try() {
	answer=$(timeout 20 "$DRIVE" matrix "${WHO[$3]}" <<<"${SECRET[$3]}" 2>/dev/null)
}

# sweep PATH: all stacks and outcomes; one test for each stack, which names what went wrong.
sweep() {
	local control context one wrong
	for control in required requisite sufficient "$BRACKET"; do
		for context in alone 'permit before' 'permit after' 'faildelay and permit' \
			'unix after' 'permit, unix after' 'unix and permit after' \
			'faildelay, unix, permit' 'deny after' 'deny before'; do
			# A stack that lets anybody in without us shows nothing about us.
			case $control:$context in
			sufficient:*permit*) [[ $context = *unix* ]] || continue ;;
			"$BRACKET:permit before") continue ;;
			esac
			stack_of "$control" "$context"
			wrong=
			for one in "${OUTCOMES[@]}"; do
				# Behind the bracket form a password is the next module's, whatever it is.
				[[ $control:$context = "$BRACKET"*permit* && $context != *unix* &&
					${ANSWER[$one]} = authinfo_unavail ]] && continue
				try "$control" "$context" "$one"
				if should_enter "$control" "$context" "$one"; then
					[[ $answer = auth=success* ]] || wrong+="$one is refused: $answer"$'\n'
				else
					[[ $answer = auth=* && $answer != auth=success* ]] ||
						wrong+="$one gets in: $answer"$'\n'
				fi
			done
			is "$1, $control, $context: only what should gets in" "$wrong" ''
		done
	done
}

# answers PATH: what the module itself answers, seen through `required` alone.
answers() {
	local one
	stack_of required alone
	for one in "${OUTCOMES[@]}"; do
		log_mark
		try required alone "$one"
		like "$1: the answer to: $one" "$answer" "^auth=${ANSWER[$one]} "
		if [ "${ANSWER[$one]}" = authinfo_unavail ]; then
			not_logged "$1: nothing is logged of: $one" 'token|sesame'
		elif [ "${REASON[$one]}" ]; then
			logged "$1: the log tells: $one" "refused token .* reason=${REASON[$one]}( |\$)"
		fi
	done
}

OPTIONS=
answers 'by itself'
sweep 'by itself'

OPTIONS=store=$NOWHERE
answers 'through patd'
sweep 'through patd'

# --- neither the store nor patd can be used

OPTIONS="store=$NOWHERE socket=/run/pat/none"
for one in "${OUTCOMES[@]}"; do
	[ "${ANSWER[$one]}" = authinfo_unavail ] || [ "$one" = 'bad checksum' ] ||
		ANSWER[$one]=system_err REASON[$one]=unavailable
done
should_enter() {
	[[ $3 = 'right password' && $2 = *unix* && $1 != requi* ]]
}
answers 'without store and patd'
sweep 'without store and patd'

# --- a line that says what there is not

OPTIONS=sesame
for one in "${OUTCOMES[@]}"; do
	ANSWER[$one]=service_err REASON[$one]=
done
should_enter() {
	[[ $3 = 'right password' && $2 = *unix* && $1 = sufficient ]]
}
answers 'with an unknown option'
sweep 'with an unknown option'

end
