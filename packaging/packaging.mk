# SPDX-License-Identifier: ISC
#
# What distributions and those who package for them need.
#
#   make dist       the sources as a tarball, $(BUILD)/pam_pat-VERSION.tar.xz: the same bytes each time

DIST_NAME = pam_pat-$(VERSION)
DIST = $(BUILD)/$(DIST_NAME).tar.xz

dist:
	@mkdir -p $(BUILD)
	$(call say,DIST)sh packaging/dist '$(CURDIR)' '$(abspath $(BUILD))' $(DIST_NAME) '$(abspath $(DIST))'
	@echo '$(DIST)'

.PHONY: dist
