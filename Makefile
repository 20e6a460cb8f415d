# SPDX-License-Identifier: ISC
# pam_pat: personal access tokens for Linux logins.
#
#   make            build into $(BUILD)
#   make deps       install what building and testing need (Debian, as root)
#   make check      every test; `make demo` shows the main job on this machine
#   make torture    the attacks of `make check` at length: SECONDS= for each of them
#   make fuzz       the fuzzers: SECONDS= for each of them
#   make bench      how fast it is, beside others: bench/bench.mk
#   make dist       the sources as a tarball
#   make install    with PREFIX, SYSCONFDIR, LOCALSTATEDIR, RUNDIR, PAMDIR, DESTDIR

VERSION := 1.0.0

PREFIX = /usr
BINDIR = $(PREFIX)/bin
SBINDIR = $(PREFIX)/sbin
MANDIR = $(PREFIX)/share/man
UNITDIR = $(PREFIX)/lib/systemd/system
TMPFILESDIR = $(PREFIX)/lib/tmpfiles.d
DATADIR = $(PREFIX)/share/pam_pat
BASHCOMPDIR = $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR = $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR = $(PREFIX)/share/fish/vendor_completions.d
SYSCONFDIR = /etc
# What shadow's userdel runs before it deletes a user: every file that is there.
USERDELDIR = $(SYSCONFDIR)/shadow-maint/userdel-pre.d
LOCALSTATEDIR = /var
RUNDIR = /run/pat
STATEDIR = $(LOCALSTATEDIR)/lib/pat
# How patd.service makes the directory of the store if it is gone: systemd's own way knows /var/lib.
STATE_SETTING = $(if $(filter /var/lib/%,$(STATEDIR)),StateDirectory=$(STATEDIR:/var/lib/%=%),$\
	ExecStartPre=+/usr/bin/install -d -m 0700 $(STATEDIR))

CC = gcc
BUILD = build
PKG_CONFIG = pkg-config
# V=1 shows the commands; WERROR=1 makes warnings errors; SANITIZE=address,undefined instruments everything;
# COVERAGE=1 counts which lines run.
V =
WERROR =
SANITIZE =
COVERAGE =
say = $(if $(V),,@echo '  $(1)	$@';)

# Where libpam looks for modules: beside pam_permit.so, which every distribution has.
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
PAMDIR := $(patsubst %/pam_permit.so,%,$(firstword $(wildcard \
	$(addsuffix /security/pam_permit.so,$(if $(MULTIARCH),/usr/lib/$(MULTIARCH) /lib/$(MULTIARCH)) \
	/usr/lib64 /lib64 /usr/lib /lib))))

# ---- Flags, all of them -------------------------------------------------------------------------

CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wimplicit-fallthrough
ifeq ($(SANITIZE),)
HARDENING = -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	-D_FORTIFY_SOURCE=2 -ftrivial-auto-var-init=zero
LDHARDENING = -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,defs
else
HARDENING = -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
# libcrypt from the start: AddressSanitizer's crypt() finds none that pam_unix brings along later.
LDHARDENING = -fsanitize=$(SANITIZE) -Wl,--push-state,--no-as-needed -lcrypt -Wl,--pop-state
endif
ifneq ($(COVERAGE),)
COUNTING = --coverage -fprofile-update=atomic
# What tells how it went when a process ends without exit(3), or may open no file any more.
LDHARDENING += --coverage -Wl,--wrap=_exit -Wl,-u,__wrap__exit
# Sanitized programs have no filters anyway, and their unit tests try what confines.
LDHARDENING += $(if $(SANITIZE),,-Wl,--wrap=filter_load -Wl,--wrap=confine_reader)
endif
HARDENING_OK := $(shell for f in $(HARDENING); do \
	echo 'int x;' | $(CC) $$f -Werror -O2 -x c -c -o /dev/null - 2>/dev/null && echo " $$f"; done)

PATHS = -DPAT_VERSION='"$(VERSION)"' -DPAT_STORE_PATH='"$(STATEDIR)/tokens.tdb"' \
	-DPAT_RUN_DIR='"$(RUNDIR)"' -DPAT_POLICY_PATH='"$(SYSCONFDIR)/security/pat.conf"'
# Where it is built must not show in what is built. (Whoever counts lines has to find them again.)
ANYWHERE = $(if $(COVERAGE),,$(foreach d,$(BUILD) $(abspath $(BUILD)),-ffile-prefix-map=$(d)/=build/) \
	-ffile-prefix-map=$(CURDIR)=.)
# The year 2038 and 2 GiB are no ends, on 32 bits either.
BITS_32 := $(shell echo 'int x[sizeof(void *) == 4 ? 1 : -1];' | $(CC) -x c -c -o /dev/null - 2>/dev/null && \
	echo -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(BITS_32) -Iinclude -fPIC -fvisibility=hidden $(PATHS) $(ANYWHERE) \
	$(WARNINGS) $(if $(WERROR),-Werror) $(HARDENING_OK) $(COUNTING) $(CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS = -Wl,--as-needed $(LDHARDENING) $(LDFLAGS)

# The module links these and nothing else: each one is a cost and a risk to every login.
MODULE_LIBS = -lpam -ltdb -lsodium
PATD_LIBS = -lpam -ltdb -lsodium -ljansson -linih -lseccomp
# And libsmartcols, which is loaded where a table is printed.
PATCTL_LIBS = -ljansson -ldl
PATSTORE_LIBS = -ltdb -lsodium -ljansson
UNIT_LIBS = -lcmocka -ltdb -lsodium -ljansson -linih -lseccomp -lpam -lpthread

# ---- What is built ------------------------------------------------------------------------------

sources = $(sort $(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))

LIB = $(BUILD)/libpat.a
PROGRAMS = $(BUILD)/patctl $(BUILD)/patd $(BUILD)/patstore
MODULE = $(BUILD)/pam_pat.so
UNITS = $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
TOOLS = $(patsubst tests/tools/%.c,$(BUILD)/tests/tools/%,$(wildcard tests/tools/*.c))
TORTURERS = $(patsubst tests/torture/%.c,$(BUILD)/tests/torture/%,$(wildcard tests/torture/*.c))
PRELOADS = $(patsubst tests/preload/%.c,$(BUILD)/tests/preload/%.so,$(wildcard tests/preload/*.c))
GENERATED = $(patsubst etc/%.in,$(BUILD)/etc/%,$(wildcard etc/*.in))
MANUALS = $(wildcard man/*.[1-8])
LEAKRULES = $(wildcard etc/leaks/*)

all: $(MODULE) $(PROGRAMS) $(GENERATED)

$(LIB): $(call objects,lib) $(if $(COVERAGE),$(call objects,tests/coverage))
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

$(MODULE): $(call objects,pam) $(LIB) pam/exports.map
	$(call say,LD)$(CC) -shared $(ALL_LDFLAGS) -Wl,-z,nodelete -Wl,--version-script=pam/exports.map \
		-o $@ $(call objects,pam) $(LIB) $(MODULE_LIBS)

$(BUILD)/patd: $(call objects,helper/patd) $(BUILD)/helper/patd/interface.o $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(PATD_LIBS)

$(BUILD)/patctl: $(call objects,helper/patctl) $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(PATCTL_LIBS)

$(BUILD)/patstore: $(call objects,helper/patstore) $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(PATSTORE_LIBS)

# The interface definition is text for people; patd hands it out, so it becomes a C string.
$(BUILD)/helper/patd/interface.c: helper/patd/io.pampat.Tokens.varlink
	@mkdir -p $(@D)
	@{ echo '#include "interface.h"'; echo 'const char interface_text[] ='; \
	  sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $<; echo ';'; } >$@.tmp
	@mv $@.tmp $@

$(BUILD)/helper/patd/interface.o: $(BUILD)/helper/patd/interface.c helper/patd/interface.h
	$(call say,CC)$(CC) $(ALL_CFLAGS) -Ihelper/patd -c -o $@ $<

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# What stands for @NAME@ in etc/*.in.
NAMES = BINDIR SBINDIR STATEDIR STATE_SETTING RUNDIR

# Other flags, other objects; other paths, other files from etc/*.in.
FLAGS = $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(foreach n,$(NAMES),$(n)=$($(n)))
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' >$@

$(BUILD)/etc/%: etc/%.in $(BUILD)/flags
	@mkdir -p $(@D)
	@sed $(foreach n,$(NAMES),-e 's|@$(n)@|$($(n))|g') $< >$@

unit: $(UNITS)
tools: $(TOOLS) $(TORTURERS) $(PRELOADS)

# A unit test of patd's parts is linked with them, its main() apart.
PATD_PARTS = $(filter-out %/main.o,$(call objects,helper/patd)) $(BUILD)/helper/patd/interface.o

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(PATD_PARTS) $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(UNIT_LIBS)

# And one of patctl doctor's, with patctl's.
PATCTL_PARTS = $(filter-out %/main.o,$(call objects,helper/patctl))

$(BUILD)/tests/unit/test_doctor_%: $(BUILD)/tests/unit/test_doctor_%.o $(PATCTL_PARTS) $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(UNIT_LIBS) -ldl

$(BUILD)/tests/tools/%: $(BUILD)/tests/tools/%.o $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ -lpam -ltdb -lsodium -lpthread

# Tortures use patd's parts without patd, too.
$(BUILD)/tests/torture/%: $(BUILD)/tests/torture/%.o $(PATD_PARTS) $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ $(UNIT_LIBS)

# What is loaded into programs under test, to record or to fail their system calls.
$(BUILD)/tests/preload/%.so: $(BUILD)/tests/preload/%.o $(LIB)
	$(call say,LD)$(CC) -shared $(ALL_LDFLAGS) -o $@ $^ -ldl

# ---- Testing ------------------------------------------------------------------------------------

DEPS = gcc clang clang-format make pkg-config libpam0g-dev libsodium-dev libtdb-dev libjansson-dev \
	libinih-dev libsmartcols-dev libseccomp-dev libcmocka-dev mandoc openssh-server openssh-client sshpass sudo \
	expect rsync python3 strace shellcheck libcap2-bin util-linux login passwd git adduser \
	ripgrep gcovr cppcheck clang-tidy valgrind ansible-core libclang-rt-14-dev nginx-light \
	libnginx-mod-http-auth-pam curl openssl faketime zsh fish e2fsprogs procps apache2-bin \
	libapache2-mod-authnz-pam postgresql dovecot-imapd vsftpd sasl2-bin i3lock xvfb xdotool \
	systemd-container openrc runit s6

deps:
	sh tests/deps $(DEPS)

# The same again, instrumented, for the suites that can be run so; only counting lines, for some that
# cannot; and for what has threads.
check: deps-if-root
	$(MAKE) all unit tools
	$(MAKE) all unit tools BUILD=$(BUILD)/sanitized SANITIZE=address,undefined COVERAGE=1
	$(MAKE) all tools BUILD=$(BUILD)/counted COVERAGE=1
	$(MAKE) all tools BUILD=$(BUILD)/threads SANITIZE=thread
	$(MAKE) fuzzers
	bash tests/run $(BUILD)

# How long each torture and each fuzzer goes on. In `make check` they take a moment.
SECONDS = 300

torture: deps-if-root
	$(MAKE) all tools
	PAT_SECONDS=$(SECONDS) PAT_SUITE_TIMEOUT=$$(($(SECONDS) * 4 + 600)) bash tests/run $(BUILD) 'torture/*' 'callers/*'

include tests/fuzz/fuzz.mk
include bench/bench.mk
include packaging/packaging.mk
include packaging/rpm/rpm.mk

deps-if-root:
	@[ "$$(id -u)" != 0 ] || $(MAKE) --no-print-directory deps

demo: deps-if-root
	$(MAKE) all
	bash tests/demo $(BUILD)

# What README shows of it: docs/demo.svg, and docs/demo.cast for `asciinema play`.
recording: deps-if-root
	$(MAKE) all
	@mkdir -p docs $(BUILD)
	bash tests/demo $(BUILD) >$(BUILD)/demo.txt
	tests/lib/recording.py svg <$(BUILD)/demo.txt >docs/demo.svg
	tests/lib/recording.py cast <$(BUILD)/demo.txt >docs/demo.cast

# For tools that read the sources.
show-flags:
	@echo "$(subst ",\",-std=gnu11 -D_GNU_SOURCE -Iinclude $(PATHS) $(WARNINGS))"

lint-man:
	mandoc -T lint -W warning $(MANUALS)

format:
	clang-format -i $(FORMATTED)

check-format:
	clang-format --dry-run --Werror $(FORMATTED)

FORMATTED = $(wildcard lib/*.[ch] include/pat/*.h pam/*.[ch] helper/*/*.[ch] tests/*/*.[ch] bench/*.[ch])

# ---- Installing ---------------------------------------------------------------------------------

quietly = $(if $(V),,@)
tell_install = $(if $(V),,echo '  INSTALL	$(DESTDIR)$(1)' && )

# Each file is written beside its place and renamed: it is never absent nor half there, which for
# a PAM module would lock people out. sync: not after a power cut either, because the disk has the
# contents before it has the name.
put = $(call tell_install,$(3))(umask 022 && mkdir -p '$(DESTDIR)$(dir $(3))') && \
	install -m $(1) $(2) '$(DESTDIR)$(3).new' && \
	sync '$(DESTDIR)$(3).new' && mv -f '$(DESTDIR)$(3).new' '$(DESTDIR)$(3)'
keep = if [ -e '$(DESTDIR)$(3)' ]; then echo 'kept $(DESTDIR)$(3)'; else $(call put,$(1),$(2),$(3)); fi

# userdel would run a half-written file, too, so this one is made outside of its directory.
put_hook = $(call tell_install,$(USERDELDIR)/pam_pat)(umask 022 && mkdir -p '$(DESTDIR)$(USERDELDIR)') && \
	install -m 0755 $(BUILD)/etc/userdel-pre '$(DESTDIR)$(USERDELDIR)/../pam_pat.new' && \
	mv -f '$(DESTDIR)$(USERDELDIR)/../pam_pat.new' '$(DESTDIR)$(USERDELDIR)/pam_pat'

# What /etc/pam.d/patd includes: `debian` has common-auth, `fedora` system-auth.
PAM_STYLE = $(if $(wildcard /etc/pam.d/common-auth),debian,fedora)

install: all
	$(if $(PAMDIR),,$(error libpam's modules were not found: say where with PAMDIR=))
	$(quietly)$(call put,0644,$(MODULE),$(PAMDIR)/pam_pat.so)
	$(quietly)$(call put,0755,$(BUILD)/patctl,$(BINDIR)/patctl)
	$(quietly)$(call put,0755,$(BUILD)/patd,$(SBINDIR)/patd)
	$(quietly)$(call put,0755,$(BUILD)/patstore,$(SBINDIR)/patstore)
	$(quietly)$(call put,0644,$(BUILD)/etc/patd.service,$(UNITDIR)/patd.service)
	$(quietly)$(call put,0644,$(BUILD)/etc/patd.socket,$(UNITDIR)/patd.socket)
	$(quietly)$(call put,0644,$(BUILD)/etc/patd-sweep.service,$(UNITDIR)/patd-sweep.service)
	$(quietly)$(call put,0644,$(BUILD)/etc/patd-sweep.timer,$(UNITDIR)/patd-sweep.timer)
	$(quietly)$(call put,0644,$(BUILD)/etc/pam_pat.tmpfiles,$(TMPFILESDIR)/pam_pat.conf)
	$(quietly)$(foreach m,$(MANUALS),$(call put,0644,$(m),$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) &&) :
	$(quietly)$(foreach f,$(LEAKRULES),$(call put,0644,$(f),$(DATADIR)/leaks/$(notdir $(f))) &&) :
	$(quietly)$(call put,0644,etc/completions/patctl.bash,$(BASHCOMPDIR)/patctl)
	$(quietly)$(call put,0644,etc/completions/_patctl,$(ZSHCOMPDIR)/_patctl)
	$(quietly)$(call put,0644,etc/completions/patctl.fish,$(FISHCOMPDIR)/patctl.fish)
	$(quietly)$(put_hook)
	$(quietly)$(call keep,0644,etc/pat.conf,$(SYSCONFDIR)/security/pat.conf)
	$(quietly)$(call keep,0644,etc/patd.pam.$(PAM_STYLE),$(SYSCONFDIR)/pam.d/patd)
	install -d -m 0700 '$(DESTDIR)$(STATEDIR)'

# Where PAM looks for stacks. A line that names a module which is gone refuses every login.
STACKS = /etc/pam.conf /etc/pam.d /usr/lib/pam.d
unstacked = if grep -RlE '^[^\#]*pam_pat\.so' $(STACKS) 2>/dev/null; then \
	echo 'These files name pam_pat.so. Take those lines out first: without it, they refuse everybody.'; \
	exit 1; fi >&2

# Configuration and tokens stay: they are the administrator's.
uninstall:
	$(if $(DESTDIR),,@$(unstacked))
	$(quietly)rm -f $(foreach f,$(PAMDIR)/pam_pat.so $(BINDIR)/patctl $(SBINDIR)/patd $(SBINDIR)/patstore \
		$(UNITDIR)/patd.service $(UNITDIR)/patd.socket $(UNITDIR)/patd-sweep.service \
		$(UNITDIR)/patd-sweep.timer $(TMPFILESDIR)/pam_pat.conf $(USERDELDIR)/pam_pat \
		$(BASHCOMPDIR)/patctl $(ZSHCOMPDIR)/_patctl $(FISHCOMPDIR)/patctl.fish \
		$(LEAKRULES:etc/%=$(DATADIR)/%) $(SUPERVISORS) \
		$(foreach m,$(MANUALS),$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))),'$(DESTDIR)$(f)')
	@echo 'Left in place: $(SYSCONFDIR)/security/pat.conf, $(SYSCONFDIR)/pam.d/patd, $(STATEDIR).'

include etc/supervisors.mk

clean:
	rm -rf $(BUILD)

FORCE:
.PHONY: all unit tools deps deps-if-root check torture demo recording show-flags lint-man format check-format install uninstall clean FORCE
.DELETE_ON_ERROR:
.SECONDARY:

# What objects depend on. The trees of `make check-packages` have other files of that name.
-include $(shell [ -d $(BUILD) ] && find $(BUILD) -path '$(BUILD)/tree*' -prune -o -type f -name '*.d' -print)
