#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The packages for Debian in a minimal tree: installed, upgraded while users log in, refused to be
# removed, removed, and purged; and what is left of them.
#
# Each part of this begins with the tree as it was.

SRC=${SRC:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=SCRIPTDIR/../lib/tree.sh
. "$SRC/tests/lib/tree.sh"
tree_enter

# fresh: the tree as it was, and alice in it.
fresh() {
	tree_fresh
	in_tree sh -c 'useradd -m alice && echo "alice:Sesame 1" | chpasswd' 2>/dev/null || bail 'no alice'
	printf '%s\n' '@include common-auth' '@include common-account' >$T/etc/pam.d/probe
	cp "$SRC/tests/lib/pam.py" $T/usr/local/bin/
	rm -rf $S/before && cp -a $T/etc $S/before
	all_files >$S/files
}

# All that is in the tree, but for what dpkg and debconf write about their own work.
all_files() {
	(cd $T && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/cache/debconf -o -path ./var/log \) -prune \
		-o -printf '%y %m %u %p\n' | sort)
}

# left_over: what there is now and was not at first, and the other way round; and what has changed of /etc.
left_over() {
	diff $S/files <(all_files) | grep '^[<>]'
	diff -r --no-dereference $S/before $T/etc | grep '^diff'
}

# packages VERSION: their files, as the tree sees them.
packages() {
	local package
	for package in libpam-pat patctl; do
		echo "/run/debs/${package}_$1_$(dpkg --print-architecture).deb"
	done
}

install_version() {
	# shellcheck disable=SC2046
	in_tree dpkg -i --force-confold $(packages "$1")
}

# asked FIELD PACKAGE...: what dpkg says of them.
asked() {
	in_tree dpkg-query -W -f "\${$1}\n" "${@:2}"
}

# stacks: those that name the module.
stacks() {
	grep -rl '^[^#]*pam_pat' $T/etc/pam.d | sed "s|^$T||" | sort | tr '\n' ' '
}

# login SECRET: what the stack of a program that asks for a password answers.
login() {
	chroot $T timeout 20 python3 /usr/local/bin/pam.py probe alice <<<"$1" | sed -n 1p
}

give() {
	in_tree patctl create ci --user alice -s probe 2>/dev/null
}

tree_older || bail 'no older version'

# --- what the packages are

if command -v lintian >/dev/null; then
	run lintian -EviIL +pedantic --fail-on=error,warning,info,pedantic "$PAT_PACKAGES"/*.changes
	is 'lintian has nothing to say of sources and packages' "$rc $(grep -E '^[EWIP]: ' <<<"$out")" '0 '
else
	skip 'lintian has nothing to say' 'needs lintian'
fi

# --- installed, used, removed, purged

fresh
run install_version "$NEW"
exited 'the packages install' 0
is 'no stack is changed' "$(diff -r $S/before/pam.d $T/etc/pam.d)" "Only in $T/etc/pam.d: patd"
is 'all is as it was packed' "$(in_tree dpkg -V libpam-pat patctl)" ''
is 'the configuration is marked as such' \
	"$(asked Conffiles libpam-pat | awk 'NF { print $1 }' | sort | tr '\n' ' ')" \
	'/etc/apparmor.d/usr.sbin.patd /etc/cron.daily/patd-sweep /etc/init.d/patd /etc/pam.d/patd /etc/security/pat.conf /etc/shadow-maint/userdel-pre.d/pam_pat '
like 'the profile for AppArmor complains, and does not stop' "$(<$T/etc/apparmor.d/usr.sbin.patd)" \
	'flags=\(attach_disconnected, complain\) \{'
is 'the directory of the store is private' "$(stat -c '%U %a' $T/var/lib/pat)" 'root 700'
run in_tree patctl list --user alice
is 'patd runs, without systemd' "$rc" 0
TOKEN=$(give)
is 'no service takes a token by itself' "$(login "$TOKEN")" PAM_AUTH_ERR
ok 'one command makes all take it' in_tree pam-auth-update --enable pat
is 'a token logs in' "$(login "$TOKEN")" PAM_SUCCESS
is 'and a password' "$(login 'Sesame 1')" PAM_SUCCESS
is 'and no wrong one' "$(login wrong)" PAM_AUTH_ERR
run in_tree dpkg -r libpam-pat patctl
exited 'the packages are removed' 0
is 'and their profile with them' "$(stacks)" ''
is 'other stacks are what they were' "$(diff -r $S/before/pam.d $T/etc/pam.d)" "Only in $T/etc/pam.d: patd"
is 'a password logs in' "$(login 'Sesame 1')" PAM_SUCCESS
ok 'users are deleted as ever, though the hook stays' in_tree sh -c 'useradd bob && userdel bob'
ok 'the daily job of a removed package does nothing' in_tree /etc/cron.daily/patd-sweep
run install_version "$NEW"
exited 'they are installed again' 0
in_tree pam-auth-update --enable pat
is 'and the token is good again' "$(login "$TOKEN")" PAM_SUCCESS
run in_tree dpkg -P libpam-pat patctl
exited 'the packages are purged' 0
like 'which says that the tokens stay' "$err" 'tokens stay in /var/lib/pat'
is 'nothing else does' "$(left_over | grep -v '/etc/.*-$')" "> d 700 root ./var/lib/pat
> f 600 root ./var/lib/pat/tokens.tdb
> f 600 root ./var/lib/pat/tokens.tdb.lock"

fresh
install_version "$NEW" >/dev/null 2>&1
give >/dev/null
run in_tree sh -c 'echo libpam-pat libpam-pat/purge_store boolean true | debconf-set-selections && dpkg -P libpam-pat patctl'
exited 'purged with the tokens' 0
is 'nothing is left' "$(left_over)" ''

fresh
install_version "$NEW" >/dev/null 2>&1
run in_tree dpkg -P libpam-pat patctl
is 'purged before there was a token: nothing is left, and nothing said' "$rc$err$(left_over)" 0

# --- upgraded

# busy WHO SECRET: logs in without a pause until $S/enough is there; what went wrong is in $S/WHO.
busy() {
	local answer count=0
	while [ ! -e $S/enough ]; do
		answer=$(login "$2")
		count=$((count + 1))
		[ "$answer" = PAM_SUCCESS ] || echo "login $count: $answer"
	done >"$S/$1"
	echo "$count" >"$S/$1.count"
}

fresh
run install_version "$OLD"
exited 'the older version installs' 0
in_tree pam-auth-update --enable pat
TOKEN=$(give)
echo '# ours' >>$T/etc/security/pat.conf
was=$(in_tree cat /run/patd.pid)
busy token "$TOKEN" &
busy password 'Sesame 1' &
run install_version "$NEW"
exited 'the new one installs over it' 0
touch $S/enough
wait
for who in token password; do
	is "who logs in by $who meanwhile is let in each time" "$(<$S/$who)" ''
	ok "and somebody did by $who" test "$(<$S/$who.count)" -gt 1
done
rm -f $S/enough
is 'the packages are the new ones' "$(asked Version libpam-pat patctl)" "$NEW"$'\n'"$NEW"
ok 'the profile is as the new one has it' in_tree sh -c 'grep -m 1 "^auth" /etc/pam.d/common-auth | grep pam_pat'
is 'what the administrator changed is kept' "$(tail -n 1 $T/etc/security/pat.conf)" '# ours'
not 'what nobody changed is the new one' grep -q older $T/etc/pam.d/patd
like 'patd runs' "$(in_tree patctl list --user alice)" ' ci '
not 'and is another one' test "$(in_tree cat /run/patd.pid)" = "$was"
is 'a token that there was logs in' "$(login "$TOKEN")" PAM_SUCCESS

# --- not removed

# stays TEXT STACK...: the packages are not removed, the message names these stacks, all goes on.
stays() {
	local text=$1 before
	shift
	before=$(cd $T/etc/pam.d && sha256sum ./*)
	run in_tree dpkg -r libpam-pat
	refused "$text: the package is not removed"
	is "$text: it stays installed" "$(asked db:Status-Status libpam-pat)" installed
	like "$text: it says why" "$err" "these PAM stacks name pam_pat.so:$(printf '\n    %s' "$@")"$'\n'
	is "$text: no stack is changed" "$(cd $T/etc/pam.d && sha256sum ./*)" "$before"
	run in_tree patctl list --user alice
	is "$text: patd runs" "$rc" 0
}

LINE='auth [success=done authinfo_unavail=ignore default=die] pam_pat.so'
sed -i "1i $LINE" $T/etc/pam.d/probe
stays 'a stack that was edited' /etc/pam.d/probe
is 'tokens log in' "$(login "$TOKEN")" PAM_SUCCESS
run install_version "$NEW"
exited 'but an upgrade goes on' 0
sed -i '1d' $T/etc/pam.d/probe
sed -i "1i $LINE" $T/etc/pam.d/common-auth
stays 'common-auth with a line by hand' /etc/pam.d/common-auth
sed -i '1d' $T/etc/pam.d/common-auth
sed -i "/pam_unix/i auth optional pam_warn.so" $T/etc/pam.d/common-auth
stays 'common-auth that pam-auth-update leaves alone' /etc/pam.d/common-auth /etc/pam.d/common-session
sed -i "/pam_warn/d" $T/etc/pam.d/common-auth
sed -i "1i # $LINE" $T/etc/pam.d/probe
echo "$LINE" >$T/etc/pam.d/other.dpkg-old
run in_tree dpkg -r libpam-pat
exited 'neither comments nor copies keep it' 0
is 'and the profile is gone' "$(stacks)" '/etc/pam.d/other.dpkg-old '
is 'a password logs in' "$(login 'Sesame 1')" PAM_SUCCESS
not 'patd does not run any more' in_tree pgrep patd

done_testing
