#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Also: sanitized
#
# Random sequences of all that can be asked of tokens, by three users and root, against a model. The
# same again: PAT_SEED=N. For longer: SECONDS=N, with a PAT_SUITE_TIMEOUT to match.

PAT_SECONDS=${PAT_SECONDS:-$SECONDS}
export PAT_SECONDS
# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish
patd_start

DRIVE=$W/pamdrive
install -m 755 "$BUILD/tests/tools/pamdrive" "$DRIVE" || bail 'no pamdrive'
for service in probe other sudo sudo-i; do
	service $service "$PAT_LINE" 'auth required pam_deny.so' 'account required pam_permit.so' \
		'session optional pam_pat.so'
done
sed -i 's/^max_tokens.*/max_tokens = 6/' /etc/security/pat.conf
for user in alice bob carol; do
	printf '%s %s\n' $user "${PASSWORD[$user]}"
done >"$W/passwords"
chmod 600 "$W/passwords"

SEED=${PAT_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
diag "PAT_SEED=$SEED"
run "$LIB/property.py" "$SEED" "${PAT_OPERATIONS:-400}" "$PAT_SECONDS" "$DRIVE" "$W/passwords"
exited "all answers are as the model has them (PAT_SEED=$SEED)" 0
if [ "$rc" -eq 0 ]; then
	while read -r verb count; do
		ok "$verb: $count times" test "$count" -gt 0
	done <<<"$out"
fi
ok 'patd is the same' kill -0 "$PATD_PID"
not_logged 'nothing is wrong with the store' 'cannot be read|damaged|the store '

end
