# SPDX-License-Identifier: ISC
#
# The fuzzers: each tests/fuzz/fuzz_NAME.c becomes $(BUILD)/fuzz/tests/fuzz/fuzz_NAME, with all that
# it drives, built by clang with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.
#
#   make fuzzers             build them
#   make fuzz SECONDS=N      and run each for N seconds; FUZZ=NAMES only these
#   make fuzz-merge          make the corpora in the tree as small as they can be

FUZZ_CC = clang
# The reader of patd is not in every version of it.
FUZZ_NEEDS_reader = helper/patd/reader.c
FUZZ_NAMES = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZERS = $(foreach n,$(FUZZ_NAMES),$(if $(wildcard $(or $(FUZZ_NEEDS_$(n)),Makefile)),\
	$(BUILD)/tests/fuzz/fuzz_$(n)))
FUZZ =

# libFuzzer is a package of its own. Without it there are no fuzzers, and tests/torture/fuzz says so.
FUZZ_WORKS = echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' | \
	$(FUZZ_CC) -fsanitize=fuzzer,address -x c -o /dev/null - 2>/dev/null

fuzzers:
	@if $(FUZZ_WORKS); then \
		$(MAKE) fuzz-programs CC=$(FUZZ_CC) BUILD=$(BUILD)/fuzz SANITIZE=fuzzer-no-link,address,undefined; \
	else echo 'No fuzzers: $(FUZZ_CC) has no libFuzzer.'; fi

fuzz: deps-if-root
	$(MAKE) fuzzers
	bash tests/fuzz/run $(BUILD)/fuzz $(SECONDS) $(FUZZ)

fuzz-merge: fuzzers
	bash tests/fuzz/run --merge $(BUILD)/fuzz $(FUZZ)

# ---- In the build of its own -----------------------------------------------------------------------

fuzz-programs: $(FUZZERS)

# As archives, so that a fuzzer gets the parts that it asks for, and may have its own instead.
$(BUILD)/fuzz-patd.a: $(PATD_PARTS)
$(BUILD)/fuzz-patctl.a: $(filter-out %/main.o,$(call objects,helper/patctl))
$(BUILD)/fuzz-pam.a: $(call objects,pam)
$(BUILD)/fuzz-%.a:
	@rm -f $@
	$(call say,AR)$(AR) rcs $@ $^

FUZZ_SUPPORT = $(BUILD)/tests/fuzz/support.o $(BUILD)/tests/fuzz/store.o

# -z now: what is bound late leaves registers, with whatever is in them, on the stack.
FUZZ_LINK = $(CC) -pie $(ALL_LDFLAGS) -fsanitize=fuzzer -Wl,-z,now -o $@ $^

$(BUILD)/tests/fuzz/fuzz_patctl_%: $(BUILD)/tests/fuzz/fuzz_patctl_%.o $(FUZZ_SUPPORT) \
		$(BUILD)/fuzz-patctl.a $(LIB)
	$(call say,LD)$(FUZZ_LINK) $(PATCTL_LIBS) -ltdb -lsodium

$(BUILD)/tests/fuzz/fuzz_pamd: $(BUILD)/tests/fuzz/fuzz_pamd.o $(FUZZ_SUPPORT) \
		$(BUILD)/fuzz-patctl.a $(LIB)
	$(call say,LD)$(FUZZ_LINK) $(PATCTL_LIBS) -ltdb -lsodium

# libpam is behind the rest: most fuzzers bring one of their own.
$(BUILD)/tests/fuzz/fuzz_%: $(BUILD)/tests/fuzz/fuzz_%.o $(FUZZ_SUPPORT) \
		$(BUILD)/fuzz-patd.a $(BUILD)/fuzz-pam.a $(LIB)
	$(call say,LD)$(FUZZ_LINK) -ltdb -lsodium -ljansson -linih -lseccomp -lpam

# libpam loads a module that has nothing in it but calls of what is linked into the fuzzer.
$(BUILD)/tests/fuzz/fuzz_conversation: private ALL_LDFLAGS += -rdynamic
$(BUILD)/tests/fuzz/fuzz_conversation: | $(BUILD)/tests/fuzz/shim.so
$(BUILD)/tests/fuzz/shim.so: tests/fuzz/shim.c tests/fuzz/shim.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LD)$(CC) -std=gnu11 -fPIC -O2 $(WARNINGS) -shared -o $@ $<

.PHONY: fuzz fuzzers fuzz-programs fuzz-merge
