# SPDX-License-Identifier: ISC
#
# What distributions and those who package for them need.
#
#   make dist       the sources as a tarball, $(BUILD)/pam_pat-VERSION.tar.xz: the same bytes each time
#   make deb        packages for Debian, in $(BUILD)/deb; DEB_FLAGS for dpkg-buildpackage
#   make check-packages   what all of this promises; as root, on Debian

DIST_NAME = pam_pat-$(VERSION)
DIST = $(BUILD)/$(DIST_NAME).tar.xz

dist:
	@mkdir -p $(BUILD)
	$(call say,DIST)sh packaging/dist '$(CURDIR)' '$(abspath $(BUILD))' $(DIST_NAME) '$(abspath $(DIST))'
	@echo '$(DIST)'

# Built in a copy, so that the source tree stays as it is.
DEB = $(abspath $(BUILD))/deb
DEB_FLAGS =

deb: dist
	rm -rf $(DEB)
	mkdir -p $(DEB)
	tar -C $(DEB) -xf $(DIST)
	cd $(DEB)/$(DIST_NAME) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -us -uc $(DEB_FLAGS)
	rm -r $(DEB)/$(DIST_NAME)

# Minimal Debians in which they are installed, and built for others. They are made once; each takes a
# minute or two, and the network. FOREIGN= leaves those for other processors out.
TREE = $(abspath $(BUILD))/tree
TREE_PACKAGES = apt-utils debconf dpkg-dev init-system-helpers libinih1 libjansson4 libpam-runtime \
	libseccomp2 libsmartcols1 libsodium23 libtdb1 expect libpam-krb5 libpam-sss openssh-client \
	openssh-server procps python3 rsync sshpass sudo
FOREIGN = 1
FOREIGN_LIBS = libpam0g-dev libsodium-dev libtdb-dev libjansson-dev libinih-dev libsmartcols-dev \
	libseccomp-dev libcmocka-dev
PACKAGING_DEPS = arch-test autopkgtest debhelper dh-apparmor dpkg-dev faketime lintian mmdebstrap po-debconf

check-packages: deps-if-root
	[ "$$(id -u)" != 0 ] || sh tests/deps $(PACKAGING_DEPS)
	$(MAKE) all tools
	DEB_BUILD_OPTIONS=nocheck $(MAKE) deb
	sh tests/packaging/tree $(TREE) amd64 $(TREE_PACKAGES)
	sh tests/packaging/tree $(TREE)-booted amd64 $(TREE_PACKAGES) systemd-sysv dbus
	$(if $(FOREIGN),sh tests/packaging/tree $(TREE)-i386 i386 gcc libc6-dev make pkg-config $(FOREIGN_LIBS))
	$(if $(FOREIGN),sh tests/packaging/tree $(TREE)-arm64 amd64+arm64 gcc-aarch64-linux-gnu \
		libc6-dev-arm64-cross make pkg-config debhelper dh-apparmor po-debconf qemu-user-static \
		$(addsuffix :arm64,$(FOREIGN_LIBS)))
	PAT_PACKAGES=$(DEB) PAT_TREE=$(TREE) PAT_SUITE_TIMEOUT=900 PAT_JOBS=1 bash tests/run $(BUILD) 'packaging/*'

.PHONY: dist deb check-packages
