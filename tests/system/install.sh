#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# `make install`: what it puts where, with which rights, and how it replaces what is there.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"

PAMDIR=$(dirname "$(find /usr/lib /usr/lib64 /lib -name pam_permit.so 2>/dev/null | head -n 1)")
MODULE=$PAMDIR/pam_pat.so

# Every file that is installed, and its mode.
MANIFEST="$MODULE 644
/usr/bin/patctl 755
/usr/sbin/patd 755
/usr/sbin/patstore 755
/usr/lib/systemd/system/patd.service 644
/usr/lib/systemd/system/patd.socket 644
/usr/lib/systemd/system/patd-sweep.service 644
/usr/lib/systemd/system/patd-sweep.timer 644
/usr/lib/tmpfiles.d/pam_pat.conf 644
/usr/share/man/man1/patctl.1 644
/usr/share/man/man5/pat.conf.5 644
/usr/share/man/man7/pat.7 644
/usr/share/man/man8/pam_pat.8 644
/usr/share/man/man8/patd.8 644
/usr/share/man/man8/patstore.8 644
/usr/share/pam_pat/leaks/gitleaks.toml 644
/usr/share/pam_pat/leaks/trufflehog.yaml 644
/usr/share/bash-completion/completions/patctl 644
/usr/share/zsh/site-functions/_patctl 644
/usr/share/fish/vendor_completions.d/patctl.fish 644
/etc/shadow-maint/userdel-pre.d/pam_pat 755
/etc/security/pat.conf 644
/etc/pam.d/patd 644"

# files_below DIR: as the manifest has them.
files_below() {
	find "$1" ! -type d -printf '%p %m\n' | sed "s|^$1||" | sort
}

# --- into a package

umask 077
ok 'make install DESTDIR=' install_to "$W/package"
is 'installs what is documented, with the modes that are documented' \
	"$(files_below "$W/package")" "$(sort <<<"$MANIFEST")"
is 'and nothing in other places' "$(find "$W/over" -path '*pat*' ! -type d | grep -v "$SRC")" ''
run stat -c '%U:%G %a' "$W/package/var/lib/pat"
is 'the directory of the store is private' "$out" 'root:root 700'
is 'other directories are for all, whatever the umask' \
	"$(find "$W/package/usr" "$W/package/etc" -type d ! -perm 755)" ''
ok 'make uninstall DESTDIR=' install_to "$W/package" uninstall
is 'leaves the configuration' "$(files_below "$W/package")" \
	'/etc/pam.d/patd 644'$'\n''/etc/security/pat.conf 644'
rm -rf "$W/package"
umask 022

# --- for real

ok 'make install' install_to ''
while read -r path mode; do
	is "$path is root's, mode $mode" "$(stat -c '%U:%G %a %F' "$path")" \
		"root:root $mode regular file"
done <<<"$MANIFEST"
installed=$(cut -d' ' -f1 <<<"$MANIFEST")
# shellcheck disable=SC2086
is 'nothing is setuid or setgid' "$(find $installed -perm /6000)" ''
# shellcheck disable=SC2086
is 'nothing has a capability' "$(getcap $installed 2>&1)" ''
run stat -c '%U:%G %a' /var/lib/pat
is 'the directory of the store is private' "$out" 'root:root 700'
ok 'a user can run patctl' as nobody patctl --version

# --- the module

is 'the module exports pam_sm_* and nothing else' \
	"$(nm -D --defined-only "$MODULE" | awk '{ print $3 }' | grep -v '^pam_sm_' | grep -v '^PAT\|^PAM')" ''
for entry in authenticate setcred acct_mgmt open_session close_session; do
	ok "the module has pam_sm_$entry" grep -q " T pam_sm_$entry" <(nm -D "$MODULE")
done
not 'the module has no pam_sm_chauthtok' grep -q 'pam_sm_chauthtok' <(nm -D "$MODULE")
is 'the module links libpam, libtdb, libsodium and the C library' \
	"$(readelf -d "$MODULE" | sed -n 's/.*(NEEDED).*\[\(.*\)\.so.*/\1/p' | sort | tr '\n' ' ')" \
	'libc libpam libsodium libtdb '
dynamic=$(readelf -d "$MODULE")
like 'the module stays loaded (NODELETE)' "$dynamic" NODELETE
unlike 'the module has no text relocations' "$dynamic" TEXTREL
unlike 'the module has no path to libraries' "$dynamic" 'RPATH|RUNPATH'
for path in "$MODULE" /usr/bin/patctl /usr/sbin/patd /usr/sbin/patstore; do
	like "$path binds at once" "$(readelf -d "$path")" 'BIND_NOW|Flags:.* NOW'
	like "$path has RELRO" "$(readelf -lW "$path")" GNU_RELRO
	unlike "$path has no executable stack" "$(readelf -lW "$path" | grep GNU_STACK)" 'RWE'
done
for path in /usr/bin/patctl /usr/sbin/patd /usr/sbin/patstore; do
	like "$path is position independent" "$(readelf -h "$path")" 'Type: +DYN'
done
is 'patctl links no cryptography, no store and no PAM' \
	"$(readelf -d /usr/bin/patctl | grep NEEDED | grep -c 'sodium\|tdb\|libpam')" 0

# --- again, over what is in use

echo '# ours' >>/etc/security/pat.conf
echo '# ours, too' >>/etc/pam.d/patd
chmod 600 /etc/security/pat.conf
world_users || bail 'no users'
patd_start
give alice ci
sum=$(sha256sum </var/lib/pat/tokens.tdb)
declare -A inode
for path in $installed; do inode[$path]=$(stat -c %i "$path"); done

# Looks for files that are absent or half there for as long as the installation takes.
/usr/bin/python3 - "$W/tmp/watched" "$MODULE" /usr/bin/patctl /usr/sbin/patd <<-'END' &
	import os, signal, sys
	report, *paths = sys.argv[1:]
	sizes = {path: os.stat(path).st_size for path in paths}
	going = True
	def stop(*_):
	    global going
	    going = False
	signal.signal(signal.SIGTERM, stop)
	looks, faults = 0, set()
	while going:
	    for path in paths:
	        looks += 1
	        try:
	            if os.stat(path).st_size != sizes[path]:
	                faults.add(path + " half there")
	        except FileNotFoundError:
	            faults.add(path + " absent")
	with open(report, "w") as file:
	    print(looks > 1000, *sorted(faults), file=file)
END
watcher=$!
ok 'make install over it' strace -f -qq -e trace=rename,renameat,renameat2,unlink,unlinkat \
	-o "$W/tmp/trace" make -C "$SRC" -o all BUILD="$BUILD" install
kill $watcher
wait $watcher
is 'no file was absent or half there at any time' "$(<"$W/tmp/watched")" True
for path in "$MODULE" /usr/bin/patctl /usr/sbin/patd /usr/sbin/patstore; do
	ok "$path is another file now" test "$(stat -c %i "$path")" != "${inode[$path]}"
	like "$path was renamed into its place" "$(<"$W/tmp/trace")" "rename[^\"]*\"[^\"]*\",[^\"]*\"$path\""
	unlike "$path was not taken away before" "$(<"$W/tmp/trace")" "unlink[^\"]*\"$path\""
done
for path in /etc/security/pat.conf /etc/pam.d/patd; do
	is "$path is kept" "$(stat -c %i "$path") $(tail -n 1 "$path" | cut -c1-6)" "${inode[$path]} # ours"
done
is 'with its mode' "$(stat -c %a /etc/security/pat.conf)" 600
is 'the store is kept' "$(sha256sum </var/lib/pat/tokens.tdb)" "$sum"
is 'nothing is left over' "$(find "$PAMDIR" /usr/bin /usr/sbin /etc/security /etc/pam.d -name '*.new*')" ''
chmod 644 /etc/security/pat.conf
run as alice patctl list
is 'a running patd goes on' "$rc" 0

# --- and away

patd_stop
ok 'make uninstall' install_to '' uninstall
for path in $installed; do
	case $path in
	/etc/pam.d/* | /etc/security/*) ok "$path stays" test -e "$path" ;;
	*) not "$path is gone" test -e "$path" ;;
	esac
done
ok 'the store stays' test -s /var/lib/pat/tokens.tdb
ok 'uninstalling again is no error' install_to '' uninstall

# --- the source tree

status() {
	git -c safe.directory='*' -C "$SRC" status --porcelain --ignored
}
if status >/dev/null 2>&1; then
	status >"$W/before"
	ok 'a build in a directory elsewhere' make -j2 -C "$SRC" BUILD="$W/tmp/build" all
	is 'leaves nothing in the source tree' "$(diff "$W/before" <(status))" ''
	ok 'nor does one in build/' git -c safe.directory='*' -C "$SRC" check-ignore -q build/patd
else
	skip 'a build leaves nothing in the source tree' 'not in a git checkout'
fi

end
