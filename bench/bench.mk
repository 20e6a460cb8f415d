# SPDX-License-Identifier: ISC
#
# How fast, beside others on the same machine in the same run.
#
#   make bench                          all of it: some minutes; renews bench/RESULTS.md
#   make bench SECTIONS='loop fresh'    only these, which it prints and keeps nowhere
#   make bench ROUNDS=21                more rounds of everything: less spread
#   make budget                         renews tests/budget: the instructions that a verification may take

# What pam_pat is measured against. No test needs it.
PEERS = libpam-modules libpam-pwdfile libpam-google-authenticator libpam-oath oathtool db-util \
	whois openssh-server openssh-client sshpass python3 strace util-linux login passwd

SECTIONS =
ROUNDS = 9

BENCHES = $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))

bench-tools: $(BENCHES)
# Some tests use them.
tools: $(BENCHES)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -o $@ $^ -lpam -ltdb -lsodium

# With the module's own way to ask patd.
$(BUILD)/bench/ask: $(BUILD)/pam/ask.o

# With patd's own functions, but without what confines a child of patd.
$(BUILD)/bench/serve: $(BUILD)/bench/serve.o $(PATD_PARTS) $(LIB)
	$(call say,LD)$(CC) -pie $(ALL_LDFLAGS) -Wl,--wrap=confine_alone -o $@ $^ $(PATD_LIBS)

# Writes down how many instructions a verification takes now, for tests/module/budget.
budget:
	$(MAKE) all tools
	BUILD='$(BUILD)' PAT_RENEW=1 bash tests/module/budget.sh

peers:
	@[ "$$(id -u)" != 0 ] || sh tests/deps $(PEERS)

bench: peers
	$(MAKE) all tools bench-tools
	BUILD='$(BUILD)' ROUNDS='$(ROUNDS)' bash bench/bench.sh $(SECTIONS)
	$(if $(SECTIONS),,cp '$(BUILD)/bench/RESULTS.md' bench/RESULTS.md)

.PHONY: bench bench-tools budget peers
