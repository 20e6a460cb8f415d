# SPDX-License-Identifier: ISC
# shellcheck shell=bash
#
# A minimal Debian in which packages are installed, for the suites of packaging/. $PAT_TREE is where it
# is, $PAT_PACKAGES where the packages are (packaging.mk). Nothing is written there: what a suite changes
# goes to a tmpfs over it, in mounts and processes that are gone when the suite ends.

S=/run/packages # all that is written
T=$S/root       # the tree

# tree_enter: runs the calling script again, with namespaces of its own.
tree_enter() {
	if [ "$(id -u)" -ne 0 ]; then
		echo '1..0 # SKIP needs root'
		exit 0
	fi
	if [ "${PAT_WORLD-}" != packages ]; then
		exec env PAT_WORLD=packages unshare --mount --propagation private --pid --fork --kill-child \
			--mount-proc --net --ipc --uts bash "$(realpath "$0")"
	fi
	unset PAT_WORLD
	# shellcheck source=SCRIPTDIR/tap.sh
	. "$SRC/tests/lib/tap.sh"
	umask 022
	mount -t tmpfs -o mode=755 tmpfs /run || bail 'no tmpfs'
	mkdir -p $S/debs
	cp "$PAT_PACKAGES"/*.deb $S/debs/ || bail 'no packages: make deb'
}

# tree_fresh: the tree as it was, in $T, with the packages in /run/debs.
tree_fresh() {
	if [ -d $T/usr ]; then
		tree_stop
		umount -R $T || bail 'the tree is in use'
		rm -rf $S/over
	fi
	mkdir -p $T $S/over/upper $S/over/work
	tree_mount || bail 'the tree could not be mounted'
	# With unix alone users get passwords; and nobody shall wait after a wrong one.
	sed -i 's/pam_unix\.so nullok/& nodelay/' $T/usr/share/pam-configs/unix
	in_tree pam-auth-update --disable krb5 sss
	# Services are started, though no init runs.
	rm -f $T/usr/sbin/runlevel # where there is systemd, a link to systemctl
	printf '#!/bin/sh\nexit 0\n' >$T/usr/sbin/policy-rc.d
	printf '#!/bin/sh\necho N 2\n' >$T/usr/sbin/runlevel
	chmod 755 $T/usr/sbin/policy-rc.d $T/usr/sbin/runlevel
}

tree_mount() {
	mount -t overlay -o "lowerdir=$PAT_TREE,upperdir=$S/over/upper,workdir=$S/over/work" overlay $T || return
	mount -t proc proc $T/proc || return
	mount -t tmpfs -o mode=755 tmpfs $T/run || return
	mount --rbind /dev $T/dev || return
	mkdir $T/run/debs
	mount --bind $S/debs $T/run/debs
}

# tree_stop: ends what runs in the tree, for which /proc has nobody else's processes.
tree_stop() {
	local process tries=100 found=yes
	while [ "$found" ] && [ $((tries--)) -gt 0 ]; do
		found=
		for process in /proc/[0-9]*; do
			[ "$(readlink "$process/root")" = $T ] || continue
			found=yes
			kill -9 "${process#/proc/}"
		done
		[ -z "$found" ] || sleep 0.02
	done
}

in_tree() {
	chroot $T env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive timeout 120 "$@" </dev/null
}

# tree_older: makes packages of a version $OLD, older than $NEW, which is there: the same with another
# configuration and module, and a profile of another priority.
tree_older() {
	local package dir
	NEW=$(dpkg-deb -f $S/debs/libpam-pat_*.deb Version)
	OLD=$NEW~1
	for package in libpam-pat patctl; do
		dir=$S/older/$package
		mkdir -p $S/older
		dpkg-deb -R $S/debs/${package}_"$NEW"_*.deb "$dir" || return
		sed -i "s/^Version: .*/Version: $OLD/; s/(>= $NEW)/(>= $OLD)/" "$dir/DEBIAN/control"
		if [ $package = libpam-pat ]; then
			echo '# older' | tee -a "$dir/etc/security/pat.conf" "$dir/etc/pam.d/patd" >/dev/null
			sed -i 's/^Priority: .*/Priority: 1/' "$dir/usr/share/pam-configs/pat"
			printf old >>"$(echo "$dir"/lib/*/security/pam_pat.so)"
		fi
		dpkg-deb --root-owner-group -Znone -b "$dir" \
			"$S/debs/${package}_${OLD}_$(dpkg --print-architecture).deb" >/dev/null || return
	done
	rm -rf $S/older
}
