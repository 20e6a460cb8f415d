#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The profile for pam-auth-update: beside those of unix, sss, krb5 and faillock a token opens, a refused
# token is handed to nobody, and a password goes on; and what is disabled leaves nothing.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
command -v pam-auth-update >/dev/null || skip_all 'needs pam-auth-update'
PROFILES=/usr/share/pam-configs
if [ -z "${PAT_INSTALLED-}" ]; then
	install -m 644 "$SRC/etc/pam-configs/pat" $PROFILES/pat
fi
export DEBIAN_FRONTEND=noninteractive
pam-auth-update --disable sss krb5
if ! { world_users && world_install; } >&2; then
	bail 'the world could not be furnished'
fi

# profile NAME LINE...: a profile for pam-auth-update of the test's own.
profile() {
	printf '%s\n' "Name: $1 of the test" 'Default: no' "${@:2}" >"$PROFILES/$1"
}

# Nobody shall wait after a wrong password. faillock has no profile in Debian: these are the two that
# its users write. And one that tells that it ran.
sed -i 's/pam_unix\.so nullok/& nodelay/' $PROFILES/unix
profile faillock 'Priority: 0' 'Auth-Type: Primary' \
	'Auth:' '	[default=die] pam_faillock.so authfail deny=3'
profile faillock_notify 'Priority: 1024' 'Auth-Type: Primary' \
	'Auth:' '	requisite pam_faillock.so preauth deny=3' \
	'Account-Type: Primary' 'Account:' '	required pam_faillock.so'
profile marker 'Priority: 0' 'Auth-Type: Additional' \
	'Auth:' "	optional pam_exec.so quiet /bin/touch $W/tmp/marker"

pam-auth-update --package
is 'the profile is not enabled by itself' "$(grep -l pam_pat /etc/pam.d/common-*)" ''
service probe '@include common-auth' '@include common-account'
patd_start

# enabled PROFILE...: these, and no others.
enabled() {
	pam-auth-update --disable pat sss krb5 faillock faillock_notify
	pam-auth-update --enable marker unix "$@"
}

# modules_below: what the log says that others than pam_pat have seen.
modules_below() {
	log_lines | grep -oE 'pam_(unix|sss|krb5|faillock)\([^)]*\)' | sort -u
}

# logs_in TEXT USER SECRET, fails TEXT USER SECRET
logs_in() {
	run login_as probe "$2" "$3"
	is "$1" "$rc ${out%%$'\n'*}" '0 PAM_SUCCESS'
}
fails() {
	run login_as probe "$2" "$3"
	is "$1" "$rc" 1
}

enabled
cp -a /etc/pam.d "$W/tmp/pam.d"
mint alice before -s probe
GOOD=$TOKEN
FORGED=$("$LIB/forge.py" "$ID")
fails 'disabled: a token is not accepted' alice "$GOOD"
logs_in 'disabled: a password is' alice "${PASSWORD[alice]}"

for others in '' sss krb5 'sss krb5' 'faillock faillock_notify' 'sss krb5 faillock faillock_notify'; do
	with="beside unix${others:+ $others}"
	for other in $others; do
		[ -e "$PROFILES/$other" ] && continue
		skip "$with" "needs libpam-$other"
		continue 2
	done
	# shellcheck disable=SC2086
	enabled pat $others
	is "$with: it stands above all others" \
		"$(grep -vE '^(#|$)' /etc/pam.d/common-auth | head -n 1 | grep -o 'pam_[a-z]*\.so')" pam_pat.so
	rm -f "$W/tmp/marker"
	log_mark
	logs_in "$with: a token logs in" alice "$GOOD"
	like "$with: and is known by its id" "$out" "PAM_PAT_ID=$ID"
	is "$with: no other module has seen it" "$(modules_below)" ''
	ok "$with: what follows the modules that authenticate runs" test -e "$W/tmp/marker"
	log_mark
	run login_as probe alice "$FORGED"
	is "$with: a forged token is refused" "$rc $out" '1 PAM_AUTH_ERR'
	is "$with: and handed to nobody else" "$(modules_below)" ''
	logs_in "$with: a password logs in" alice "${PASSWORD[alice]}"
	fails "$with: a wrong password does not" alice wrong
	fails "$with: nor does an empty one" alice ''

	# By this service tokens are minted; it includes common-auth.
	log_mark
	run login_as patd alice "$GOOD"
	is "$with: patd takes no token" "$rc $out" '1 PAM_AUTH_ERR'
	logged "$with: because it is one" 'never mints a token'
	run login_as patd alice "${PASSWORD[alice]}"
	is "$with: and a password" "$rc ${out%%$'\n'*}" '0 PAM_SUCCESS'
	mint alice again -s probe
	run as alice patctl revoke "$ID"
	exited "$with: a token is minted with the password, and revoked" 0
	ID=${GOOD:7:8}
done

enabled pat faillock faillock_notify
faillock --user bob --reset
mint bob locked -s probe
FORGED=$("$LIB/forge.py" "$ID")
for _ in 1 2 3 4; do login_as probe bob "$FORGED" >/dev/null; done
logs_in 'faillock counts no refused token' bob "${PASSWORD[bob]}"
for _ in 1 2 3; do login_as probe bob wrong >/dev/null; done
fails 'faillock locks after three wrong passwords' bob "${PASSWORD[bob]}"
logs_in 'and a token opens all the same, which nobody can guess' bob "$TOKEN"
faillock --user bob --reset

enabled
is 'what is disabled leaves nothing' "$(diff -r "$W/tmp/pam.d" /etc/pam.d)" ''
fails 'disabled again: a token is not accepted' alice "$GOOD"
logs_in 'disabled again: a password is' alice "${PASSWORD[alice]}"

# What an administrator has changed in the lines stays theirs.
enabled pat
sed -i '/^auth.*pam_pat\.so/s/$/ debug/' /etc/pam.d/common-auth
pam-auth-update --package
like 'options that were added stay' "$(grep pam_pat /etc/pam.d/common-auth)" 'pam_pat\.so debug'
is 'and the profile is still taken out whole' \
	"$(pam-auth-update --package --remove pat; grep -l pam_pat /etc/pam.d/common-*)" ''

end
