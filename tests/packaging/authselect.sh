#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The feature for authselect: the stacks that come of it, under the machine's libpam. authselect itself
# is not in Debian; what stands in for it knows the templates and the commands that are used.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"
world_furnish

AUTHSELECT=$SRC/tests/packaging/authselect.py
ln -s "$AUTHSELECT" /usr/bin/authselect
PROFILE=/usr/share/authselect/default/site
mkdir -p $PROFILE /etc/authselect
cat >$PROFILE/system-auth <<'END'
{continue if "with-faillock" or not "without-everything"}
auth        required      pam_env.so
auth        required      pam_faildelay.so delay=0
auth        required      pam_faillock.so preauth silent deny=3 {include if "with-faillock"}
auth        [success=2 default=ignore] pam_succeed_if.so user = bob quiet
auth        sufficient    pam_unix.so {if not "without-nullok":nullok} nodelay
auth        required      pam_faillock.so authfail deny=3 {include if "with-faillock"}
auth        required      pam_deny.so

account     required      pam_faillock.so {include if "with-faillock"}
account     required      pam_unix.so

session     required      pam_unix.so
END
cp $PROFILE/system-auth $PROFILE/password-auth
printf 'Site\n====\n\nwith-faillock::\n    Lock accounts.\n' >$PROFILE/README
authselect select site with-faillock || bail 'no profile'
before=$(</etc/authselect/system-auth)
service net 'auth substack password-auth' 'account include password-auth'
service web 'auth include system-auth' 'account include system-auth'
install -m 644 "$SRC/etc/patd.pam.fedora" /etc/pam.d/patd
patd_start
mint alice net --service net,web
NET=$TOKEN NET_ID=$ID
FORGED=$("$LIB/forge.py" "$NET_ID")

run login_as net alice "$NET"
is 'without the feature a token is a wrong password' "$rc $out" '1 PAM_AUTH_ERR'
rm -f /run/faillock/* /var/run/faillock/*

# --- the profile

WITH=$SRC/packaging/authselect/with-pat
run "$WITH"
exited 'with-pat makes a profile with the feature, and selects it' 0
is 'with the features that there were' "$(authselect current --raw)" 'custom/pat with-faillock with-pat'
is 'which README tells' "$(grep -c '^with-pat::' /etc/authselect/custom/pat/README)" 1
for stack in system-auth password-auth; do
	is "$stack has two lines more, and nothing else is changed" \
		"$(diff <(echo "$before") /etc/authselect/$stack | sed 's/  */ /g')" '2a3
> auth [success=done authinfo_unavail=ignore default=die] pam_pat.so
12a14
> session optional pam_pat.so'
done
is 'the profile of the distribution is as it was' "$(grep -c pam_pat $PROFILE/system-auth)" 0

# --- what its stacks do

for service in net web; do
	log_mark
	run login_as $service alice "$NET"
	like "$service: a token logs in" "$rc $out" '^0 PAM_SUCCESS'
	logged "$service: and pam_pat says so" "accepted token id=$NET_ID .*service=\"$service\""
	log_mark
	run login_as $service alice "$FORGED"
	is "$service: a wrong token does not" "$rc $out" '1 PAM_AUTH_ERR'
	logged "$service: for that reason" 'refused token .*reason=secret'
	not_logged "$service: and the modules below do not hear of it" "pam_(unix|faillock)\($service:auth\)"
	run login_as $service alice "${PASSWORD[alice]}"
	like "$service: the password logs in" "$rc $out" '^0 PAM_SUCCESS'
	run login_as $service alice wrong
	is "$service: a wrong one does not" "$rc $out" '1 PAM_AUTH_ERR'
	run login_as $service bob "${PASSWORD[bob]}"
	is "$service: jumps lead where they did" "$rc $out" '1 PAM_AUTH_ERR'
	rm -f /run/faillock/* /var/run/faillock/*
done
for _ in 1 2 3 4; do login_as net alice "$FORGED" >/dev/null; done
run login_as net alice "${PASSWORD[alice]}"
like 'wrong tokens lock nobody out' "$rc $out" '^0 PAM_SUCCESS'
for _ in 1 2 3 4; do login_as net alice wrong >/dev/null; done
run login_as net alice "${PASSWORD[alice]}"
is 'wrong passwords do, as before' "$rc $out" '1 PAM_AUTH_ERR'
run login_as net alice "$NET"
like 'which stops no token' "$rc $out" '^0 PAM_SUCCESS'
rm -f /run/faillock/* /var/run/faillock/*

run as alice patctl create more --password-stdin <<<"$NET"
exited 'a token does not mint, though the stack of patd has the line, too' 4
run as alice patctl create more --password-stdin <<<"${PASSWORD[alice]}"
exited 'the password does' 0

# --- again, and away

run "$WITH"
exited 'a second time it does nothing' 1
like 'and says why' "$err" 'enabled already'
authselect disable-feature with-pat
is 'without the feature the stacks are as they were' "$(</etc/authselect/system-auth)" "$before"
run "$WITH"
exited 'and with-pat enables it again' 0
is 'once' "$(grep -c pam_pat /etc/authselect/custom/pat/system-auth)" 2
mkdir "$W/tmp/empty"
run "$WITH" --patch "$W/tmp/empty"
exited 'what is no profile is not changed' 1
printf 'account required pam_unix.so\n' >"$W/tmp/empty/system-auth"
run "$WITH" --patch "$W/tmp/empty"
exited 'nor one that asks for nothing' 1
is 'at all' "$(ls "$W/tmp/empty") $(<"$W/tmp/empty/system-auth")" 'system-auth account required pam_unix.so'
run as alice "$WITH"
exited 'nor by a user' 1

end
