# SPDX-License-Identifier: ISC
#
# patd without systemd. `make install` does none of this; whoever wants it says which:
#
#   make install-openrc     an init script
#   make install-runit      a service directory in $(SVDIR)
#   make install-s6         a service directory in $(S6DIR), for s6-svscan or as a source of s6-rc
#   make install-cron       the daily sweep, which each of these installs, too, in $(CRONDIR)

INITDIR = $(SYSCONFDIR)/init.d
SVDIR = $(SYSCONFDIR)/sv
S6DIR = $(SYSCONFDIR)/s6/sv
CRONDIR = $(SYSCONFDIR)/cron.daily

SUPERVISED = $(patsubst etc/%.in,$(BUILD)/etc/%,$(wildcard $(addsuffix /*.in,\
	etc/cron etc/openrc etc/runit/patd etc/s6/patd etc/s6/patd/data)))

install-cron: all $(SUPERVISED)
	$(quietly)$(call put,0755,$(BUILD)/etc/cron/patd-sweep,$(CRONDIR)/patd-sweep)

install-openrc: install-cron
	$(quietly)$(call put,0755,$(BUILD)/etc/openrc/patd,$(INITDIR)/patd)

install-runit: install-cron
	$(quietly)$(call put,0755,etc/runit/patd/log/run,$(SVDIR)/patd/log/run)
	$(quietly)$(call put,0755,$(BUILD)/etc/runit/patd/check,$(SVDIR)/patd/check)
	$(quietly)$(call put,0755,$(BUILD)/etc/runit/patd/run,$(SVDIR)/patd/run)

install-s6: install-cron
	$(quietly)$(call put,0755,etc/s6/patd/log/run,$(S6DIR)/patd/log/run)
	$(quietly)$(call put,0755,$(BUILD)/etc/s6/patd/data/check,$(S6DIR)/patd/data/check)
	$(quietly)$(call put,0644,etc/s6/patd/type,$(S6DIR)/patd/type)
	$(quietly)$(call put,0644,etc/s6/patd/notification-fd,$(S6DIR)/patd/notification-fd)
	$(quietly)$(call put,0755,$(BUILD)/etc/s6/patd/run,$(S6DIR)/patd/run)

# What `make uninstall` takes away, too.
SUPERVISORS = $(CRONDIR)/patd-sweep $(INITDIR)/patd $(addprefix $(SVDIR)/patd/,run check log/run) \
	$(addprefix $(S6DIR)/patd/,run type notification-fd data/check log/run)

.PHONY: install-cron install-openrc install-runit install-s6
