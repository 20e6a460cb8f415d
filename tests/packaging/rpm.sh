#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# The RPM packages that `make rpm` left in BUILD/rpm ($PAT_RPMS): what is in them, and what installing,
# upgrading and erasing them does. rpm is Debian's, so the database is one of the test's own, and the
# packages of Fedora that they require are not looked for.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
command -v rpm >/dev/null || {
	echo '1..0 # SKIP needs rpm'
	exit 0
}
RPMS=$(realpath -m "${PAT_RPMS:-$BUILD/rpm}")
if ! ls "$RPMS"/pam_pat-[0-9]*.src.rpm >/dev/null 2>&1; then
	echo '1..0 # SKIP needs the packages of make rpm'
	exit 0
fi
export PAT_RPMS=$RPMS
world_enter "$@"
world_furnish

pick() {
	find "$RPMS" -name "$1" ! -name '*.src.rpm' | head -n 1
}
PAT=$(pick 'pam_pat-[0-9]*.rpm') CTL=$(pick 'patctl-[0-9]*.rpm') SELINUX=$(pick 'pam_pat-selinux-*.rpm')
SOURCE=$(find "$RPMS" -name '*.src.rpm' | head -n 1)
in_db() {
	rpm --dbpath "$W/rpmdb" "$@"
}

# --- what is in them

is 'the packages have the version of the Makefile' \
	"$(rpm -qp --qf '%{VERSION} ' "$PAT" "$CTL" "$SELINUX" "$SOURCE")" \
	"$(sed -n 's/^VERSION := \(.*\)/\1 \1 \1 \1 /p' "$SRC/Makefile")"
if command -v rpmlint >/dev/null; then
	run rpmlint -r "$SRC/packaging/rpm/pam_pat.rpmlintrc" "$SOURCE" "$PAT" "$CTL" "$SELINUX" \
		"$SRC/packaging/rpm/pam_pat.spec"
	is 'rpmlint has nothing to say that is not explained' "$rc $(grep -E ': [EW]: ' <<<"$out")" '0 '
else
	skip 'rpmlint has nothing to say that is not explained' 'needs rpmlint'
fi

# What `make install` installs where Fedora has it, and what else a package has.
install_as_fedora() {
	make -C "$SRC" --no-print-directory -o all BUILD="$BUILD" DESTDIR="$1" PAMDIR=/usr/lib64/security \
		PAM_STYLE=fedora install >"$W/install.log" 2>&1
}
ok 'make install, for comparison' install_as_fedora "$W/package"
{
	find "$W/package" ! -type d -printf '/%P %m\n' |
		sed -E 's|^(/usr/share/man/[^ ]*)|\1.gz|; s|(pam_pat.so) 644|\1 755|'
	echo '/usr/lib/systemd/system-preset/85-pam_pat.preset 644'
	echo '/usr/share/pam_pat/authselect/with-pat 755'
} | sort >"$W/wanted"
rpm -qp --qf '[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME} %{FILEGROUPNAME}\n]' "$PAT" "$CTL" |
	grep -v '/\.build-id\|/usr/share/doc/\|/usr/share/licenses/' >"$W/files"
is 'they have what make install installs, with its modes' \
	"$(sed -n 's/ 0*100\([0-7]*\) root root$/ \1/p' "$W/files" | sort -u | diff "$W/wanted" -)" ''
is 'all of it is root'\''s' "$(grep -vc ' root root$' "$W/files")" 0
is 'directories are only those that nobody else has' \
	"$(sed -n 's/ 0*40\([0-7]*\) root root$/ \1/p' "$W/files" | sort -u)" '/etc/shadow-maint 755
/etc/shadow-maint/userdel-pre.d 755
/usr/share/pam_pat 755
/usr/share/pam_pat/authselect 755
/usr/share/pam_pat/leaks 755
/var/lib/pat 700'
is 'nothing has a capability' "$(rpm -qp --qf '[%{FILECAPS}]' "$PAT" "$CTL")" ''
is 'an administrator'\''s changes stay' \
	"$(rpm -qp --qf '[%{FILENAMES} %{FILEFLAGS:fflags}\n]' "$PAT" | grep ' c.*n' | cut -d' ' -f1 | sort)" \
	'/etc/pam.d/patd
/etc/security/pat.conf'
like 'the policy is in a package of its own' "$(rpm -qlp "$SELINUX")" '/pam_pat\.pp\.bz2'
requires=$(rpm -qp --requires "$PAT")
for need in 'libpam\.so\.0' 'libtdb\.so\.1' 'libsodium\.so' 'libseccomp\.so' 'patctl\(x86-64\) = '; do
	[[ $need = patctl* && $(uname -m) != x86_64 ]] || like "pam_pat requires $need" "$requires" "$need"
done
unlike 'patctl requires no cryptography, no store and no PAM' "$(rpm -qp --requires "$CTL")" \
	'sodium|tdb|libpam'
for package in "$PAT" "$CTL" "$SELINUX"; do
	rpm -qp --qf '%{PREIN}\n%{POSTIN}\n%{PREUN}\n%{POSTUN}\n%{POSTTRANS}\n' "$package" |
		sed 's/^(none)$//' >"$W/tmp/scriptlets"
	ok "${package##*/}: its scriptlets are right shell" sh -n "$W/tmp/scriptlets"
done

# --- into another tree

mkdir -p "$W/tree"
ok 'rpm --root installs it into a tree' \
	rpm --root "$W/tree" --dbpath /var/lib/rpm --nodeps --noscripts -i "$PAT" "$CTL"
is 'patctl runs there' "$("$W/tree/usr/bin/patctl" --version)" "$(rpm -qp --qf 'patctl %{VERSION}' "$CTL")"
is 'patd, too' "$("$W/tree/usr/sbin/patd" --version)" "$(rpm -qp --qf 'patd %{VERSION}' "$PAT")"
ok 'the module loads' /usr/bin/python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' \
	"$W/tree/usr/lib64/security/pam_pat.so"
is 'its configuration is right' "$("$W/tree/usr/sbin/patd" --check-config "$W/tree/etc/security/pat.conf")" \
	"$W/tree/etc/security/pat.conf: ok"
is 'the preset enables the sockets and the timer' \
	"$(grep ^enable "$W/tree/usr/lib/systemd/system-preset/85-pam_pat.preset" | tr '\n' ' ')" \
	'enable patd.socket enable patd-sweep.timer '
ok 'the stack of patd is that for Fedora' cmp "$W/tree/etc/pam.d/patd" "$SRC/etc/patd.pam.fedora"

# --- into this machine: installed, upgraded, erased, with what the packages do then

for service in sshd sudo sudo-i su login; do stack_line $service ''; done
install_to '' uninstall || bail 'make uninstall'
rm -f /etc/security/pat.conf /etc/pam.d/patd
run in_db -i --nodeps "$PAT" "$CTL"
exited 'installing succeeds' 0
unlike 'and no scriptlet fails' "$err" 'error|warning|failed'
if command -v systemctl >/dev/null; then
	is 'the socket and the timer are enabled' \
		"$(systemctl is-enabled patd.socket patd-sweep.timer | tr '\n' ' ')" 'enabled enabled '
fi
echo '# ours' >>/etc/security/pat.conf
patd_start
give alice ci
run in_db -U --replacepkgs --nodeps "$PAT" "$CTL"
exited 'so does upgrading' 0
unlike 'without a scriptlet that fails' "$err" 'error|warning|failed'
ok 'which keeps the configuration' grep -q '^# ours' /etc/security/pat.conf
is 'and the tokens' "$(field status "$ID")" active
patd_stop

printf '%s\n' '#%PAM-1.0' "$PAT_LINE" 'auth required pam_unix.so' >/etc/pam.d/hand
run in_db -e --nodeps pam_pat
refused 'erasing is refused while a stack names the module'
like 'and says which' "$err" '/etc/pam.d/hand'
ok 'the module is there' test -e /usr/lib64/security/pam_pat.so
ok 'and patd, and its stack' test -x /usr/sbin/patd -a -e /etc/pam.d/patd
is 'and the package' "$(in_db -q pam_pat --qf '%{NAME}')" pam_pat
sed -i 's/^auth \[/# auth [/' /etc/pam.d/hand
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$@" >>%s\n[ "$1" != current ] || echo custom/pat with-sudo with-pat\n' \
	"$W/tmp/authselect" >/usr/bin/authselect
chmod 755 /usr/bin/authselect
run in_db -e --nodeps pam_pat
exited 'a line that is a comment is none' 0
is 'the feature of authselect is switched off before' "$(tail -n 1 "$W/tmp/authselect")" 'disable-feature with-pat'
not 'the module is gone' test -e /usr/lib64/security/pam_pat.so
ok 'changed configuration is kept' test -e /etc/security/pat.conf.rpmsave
ok 'and so is the store' test -s /var/lib/pat/tokens.tdb
ok 'patctl goes without more ado' in_db -e --nodeps patctl
is 'nothing else is left' "$(find /usr/lib64/security /usr/share/pam_pat /usr/lib/systemd /etc/shadow-maint \
	-name '*pa[tm]*pat*' 2>/dev/null)" ''

# --- built again, elsewhere, by another umask and in another zone

mkdir "$W/again"
(cd "$W/again" && rpm2cpio "$SOURCE" | cpio -id --quiet) || bail 'no tarball in the source package'
again() (
	umask 027
	export TZ=Asia/Tokyo
	sh "$SRC/packaging/rpm/build" "$W"/again/pam_pat-*.tar.xz "$W/again/rpm" --without check
)
ok 'the source package builds' again
for package in "$PAT" "$CTL" "$SELINUX"; do
	ok "${package##*/} has the same bytes again" cmp "$package" "$W/again/rpm/${package##*/}"
done

end
