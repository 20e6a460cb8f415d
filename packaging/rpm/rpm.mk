# SPDX-License-Identifier: ISC
#
#   make rpm        the RPM packages of `make dist`'s tarball, in $(BUILD)/rpm
#
# RPMBUILD_OPTIONS goes to rpmbuild: `--without check`, `--without selinux`.

RPMBUILD_OPTIONS =

# What `make check-packages` needs for the suites rpm, selinux, apparmor and authselect.
RPM_DEPS = rpm rpmlint libpam-modules libcap2-bin selinux-policy-dev selinux-policy-default selinux-utils checkpolicy \
	semodule-utils policycoreutils python3-setools selint apparmor

rpm: dist
	sh packaging/rpm/build '$(DIST)' '$(BUILD)/rpm' $(RPMBUILD_OPTIONS)

check-packages: rpm-to-check
rpm-to-check: deps-if-root
	[ "$$(id -u)" != 0 ] || sh tests/deps $(RPM_DEPS)
	$(MAKE) rpm RPMBUILD_OPTIONS='--without check'

.PHONY: rpm rpm-to-check
