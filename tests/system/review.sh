#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
#
# Installing where others did not try it: other directories, a store that is gone, a power cut, stacks
# that still name the module, a machine that runs no sshd.

# shellcheck source=SCRIPTDIR/../lib/world.sh
. "$(dirname "$0")/../lib/world.sh"
world_enter "$@"

# --- what is made from etc/*.in

# generate [VARIABLE=VALUE...]: again and again in one build directory, as `make` and `make install` do.
generate() {
	make -C "$SRC" --no-print-directory -s BUILD="$W/tmp/made" "$@" \
		"$W/tmp/made/etc/patd.service" "$W/tmp/made/etc/patd.socket" \
		"$W/tmp/made/etc/pam_pat.tmpfiles"
}
# made FILE: without its comments.
made() {
	grep -v '^#' "$W/tmp/made/etc/$1"
}

ok 'the unit is made' generate PREFIX=/usr
like 'it starts patd where that is installed' "$(made patd.service)" $'\nExecStart=/usr/sbin/patd\n'
like 'systemd makes the directory of the store before it is needed' "$(made patd.service)" \
	$'\nStateDirectory=pat\nStateDirectoryMode=0700\nReadWritePaths=-/var/lib/pat\n'
like 'no line of the log is dropped' "$(made patd.service)" $'\nLogRateLimitIntervalSec=0\n'
like 'the directory of the store is in tmpfiles.d' "$(made pam_pat.tmpfiles)" \
	'd /var/lib/pat 0700 root root -'

ok 'the same with another PREFIX' generate PREFIX=/usr/local
like 'starts the patd of that PREFIX' "$(made patd.service)" $'\nExecStart=/usr/local/sbin/patd\n'
ok 'the same with another STATEDIR' generate STATEDIR=/srv/tokens
like 'has that directory made' "$(made patd.service)" \
	$'\nExecStartPre=\+/usr/bin/install -d -m 0700 /srv/tokens\n.*ReadWritePaths=-/srv/tokens\n'
unlike 'and no other' "$(made patd.service)$(made pam_pat.tmpfiles)" '/var/lib|StateDirectory='
like 'in tmpfiles.d, too' "$(made pam_pat.tmpfiles)" 'd /srv/tokens 0700 root root -'
ok 'the same with a STATEDIR below /var/lib' generate STATEDIR=/var/lib/our/pat
like 'leaves it to systemd' "$(made patd.service)" $'\nStateDirectory=our/pat\n'
ok 'the same with another RUNDIR' generate RUNDIR=/run/ours
like 'has the sockets there' "$(made patd.socket)" $'\nListenStream=/run/ours/io.pampat.Tokens\n'
is 'nothing is left to be filled in' "$(grep -rl '@[A-Z_]*@' "$W/tmp/made/etc")" ''

generate PREFIX=/usr
if command -v systemd-analyze >/dev/null; then
	mkdir -p "$W/tmp/units"
	sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$W/tmp/made/etc/patd.service" >"$W/tmp/units/patd.service"
	cp "$W/tmp/made/etc/patd.socket" "$W/tmp/units"
	run systemd-analyze verify --man=no "$W/tmp/units/patd.service" "$W/tmp/units/patd.socket"
	unlike 'systemd understands all lines of the units' "$out$err" 'patd\.(service|socket)'
else
	skip 'systemd understands all lines of the units' 'needs systemd-analyze'
fi

# --- the stack of patd

# style [VARIABLE=VALUE...]: which of the two is installed.
style() {
	make -C "$SRC" --no-print-directory -o all BUILD="$BUILD" DESTDIR="$W/package" "$@" install \
		>"$W/install.log" 2>&1 || cat "$W/install.log"
	if grep -q common-auth "$W/package"/*/pam.d/patd "$W/package"/usr/local/etc/pam.d/patd 2>/dev/null
	then echo debian; else echo fedora; fi
	rm -rf "$W/package"
}
touch /etc/pam.d/common-auth
is 'where PAM has common-auth, the stack of patd includes it' "$(style)" debian
is 'with another SYSCONFDIR, too' "$(style SYSCONFDIR=/usr/local/etc)" debian
is 'PAM_STYLE chooses' "$(style PAM_STYLE=fedora)" fedora
mv /etc/pam.d/common-auth "$W/tmp"
is 'where there is none, it includes system-auth' "$(style)" fedora
mv "$W/tmp/common-auth" /etc/pam.d

# --- a power cut while it is installed

PAMDIR=$(dirname "$(find /usr/lib /usr/lib64 /lib -name pam_permit.so 2>/dev/null | head -n 1)")
MODULE=$PAMDIR/pam_pat.so
ok 'make install' strace -f -qq -y -e trace=fsync,rename,renameat,renameat2 -o "$W/tmp/trace" \
	make -C "$SRC" -o all BUILD="$BUILD" install
for path in "$MODULE" /usr/bin/patctl /usr/sbin/patd /usr/sbin/patstore /etc/pam.d/patd; do
	is "$path is on the disk before it has its name" \
		"$(grep -oE "fsync\([0-9]+<$path\.new>|rename.*\"$path\"" "$W/tmp/trace" |
			sed 's/(.*//; s/^rename.*/rename/' | tr '\n' ' ')" 'fsync rename '
done

# --- make uninstall while services need the module

world_users || bail 'no users'
stack su || bail 'no stack'
mkdir -p /usr/lib/pam.d
printf 'auth required %s\n' "$MODULE" >/usr/lib/pam.d/ours
uninstall() {
	run make -C "$SRC" --no-print-directory -o all BUILD="$BUILD" "$@" uninstall
}
uninstall
refused 'make uninstall, while stacks name the module'
like 'names them' "$out$err" '(^|'$'\n'')/etc/pam.d/su($|'$'\n'')'
like 'those of the distribution, too' "$out$err" '/usr/lib/pam.d/ours'
unlike 'and not those that only speak of it' "$out$err" '/etc/pam.d/patd'
ok 'the module stays' test -e "$MODULE"
ok 'patctl stays' test -e /usr/bin/patctl
is 'a login still works' "$(login_as su alice "${PASSWORD[alice]}" >/dev/null && echo yes)" yes
install_to "$W/package"
uninstall DESTDIR="$W/package"
exited 'in a package, stacks of this machine do not count' 0
rm /usr/lib/pam.d/ours
stack_line su ''
sed -i '1i # pam_pat.so was here' /etc/pam.d/su
uninstall
exited 'make uninstall, when none does' 0
not 'the module is gone' test -e "$MODULE"

# --- what tests/deps leaves behind

# A machine without sshd, on which apt-get installs it as Debian does: its unit is enabled.
mkdir "$W/tmp/stub"
cat >"$W/tmp/stub/dpkg-query" <<'END'
#!/bin/sh
for package; do :; done
[ "$package" = openssh-server ] || echo installed
END
cat >"$W/tmp/stub/apt-get" <<'END'
#!/bin/sh
wants=/etc/systemd/system/multi-user.target.wants
mkdir -p $wants /etc/rc3.d
ln -sf /lib/systemd/system/ssh.service $wants/ssh.service
ln -sf /lib/systemd/system/ssh.service /etc/systemd/system/sshd.service
ln -sf ../init.d/ssh /etc/rc3.d/S01ssh
/usr/sbin/policy-rc.d ssh start
echo "policy: $?"
END
cat >"$W/tmp/stub/update-rc.d" <<'END'
#!/bin/sh
rm -f /etc/rc?.d/S??"$1"
END
chmod 755 "$W/tmp/stub"/*
deps() {
	run env PATH="$W/tmp/stub:$PATH" sh -x "$SRC/tests/deps" make openssh-server
}
wants=/etc/systemd/system/multi-user.target.wants
mkdir -p $wants
rm -f $wants/ssh.service /etc/systemd/system/sshd.service /etc/rc?.d/S??ssh /usr/sbin/policy-rc.d
ln -sf /lib/systemd/system/other.service $wants/other.service
deps
exited 'tests/deps installs sshd' 0
not 'which is not enabled for the next boot' test -L $wants/ssh.service
is 'nor is its script' "$(echo /etc/rc?.d/S??ssh)" '/etc/rc?.d/S??ssh'
ok 'what was enabled before stays so' test -L $wants/other.service
not 'policy-rc.d is taken away again' test -e /usr/sbin/policy-rc.d
printf '#!/bin/sh\nexit 0\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
deps
not 'where a policy-rc.d allows starts, it is not enabled either' test -L $wants/ssh.service
ok 'and that policy-rc.d stays' test -x /usr/sbin/policy-rc.d
ln -sf /lib/systemd/system/ssh.service $wants/ssh.service
deps
ok 'an ssh.service that was enabled before stays so' test -L $wants/ssh.service

end
