# SPDX-License-Identifier: ISC
"""Where the time of a login in a fresh process goes."""

import json
import os
import re

import harness
import peers
import stats
import table

TITLE = "Where a fresh process's time goes"

# What has been done about each part; a part that costs needs a word.
DONE = {
    "fork, exit, wait": "the caller's, with the smallest of parents",
    "dlopen libtdb": "one of the two libraries that the module has; linked, because Debian's libtdb.a is not "
                     "PIC. With it comes what the first dlopen of a process costs, half of it. Used to roll back "
                     "after a crash, and to hash keys: without it, there would be no login between a crash of "
                     "patd and its next start",
    "dlopen libsodium": "the other one: most of it is its relocations, and the pages that they touch",
    "dlopen pam_pat.so": "-z nodelete: a process that authenticates again has it; all but the entry points is "
                         "hidden. Without unused functions (--gc-sections) it is no faster: tried, and left",
    "sodium_init": "needed once; it asks the kernel for random bytes and what the CPU can do",
    "getpwnam, getspnam": "the name service reads nsswitch.conf and looks for nscd; only asked when the secret is right",
    "syslog": "the time zone, and the connection to the log, which libpam shares",
    "pam_start": "libpam's",
    "pam_authenticate": "with all of the above warm: the store, opened once and without TDB, and libpam's audit",
    "pam_authenticate again": "what is left of it in a process that did it before: libpam, the name services and the "
                              "log take half; the store is entered once, and no file asked for its times",
    "pam_end": "libpam's; nothing is unloaded",
}


def relocations(bench, path):
    """How many the dynamic linker makes, and how many of them look for a name."""
    said = bench.run("readelf", "-rW", path)
    rows = re.findall(r"^[0-9a-f]{8,}  \S+ +(R_\S+)", said, re.MULTILINE)
    return len(rows), sum(not row.endswith("_RELATIVE") for row in rows)


def system_calls(bench, service, secret, fresh):
    """Of one login: in a fresh child, or in a process after its first."""
    def count(logins):
        trace = "/run/world/tmp/trace"
        bench.run("strace", "-f", "-o", trace,
                  *bench.loop_command(service, "alice", count=logins, warm_up=0, fresh=fresh),
                  given=secret + "\n")
        with open(trace, encoding="utf-8", errors="replace") as lines:
            return sum(bool(re.match(r"\d+ +\w+\(", line)) for line in lines)
    return count(3) - count(2)


def paths(bench):
    said = bench.run("ldd", module_path())
    return {"dlopen libtdb": re.search(r"libtdb\S* => (\S+)", said).group(1),
            "dlopen libsodium": re.search(r"libsodium\S* => (\S+)", said).group(1),
            "dlopen pam_pat.so": module_path()}


def module_path():
    for directory, _, files in os.walk("/usr/lib"):
        if "pam_pat.so" in files:
            return os.path.join(directory, "pam_pat.so")
    raise FileNotFoundError("pam_pat.so")


def run(bench):
    pat = peers.pat(bench)
    peers.permit(bench)
    module = module_path()
    rounds = []
    for _ in range(2 if bench.quick else 5):
        bench.progress("parts")
        said = bench.run(bench.driver("parts"), "-n", str(bench.count(200)), module, harness.CONFDIR, "pat", "alice",
                         given=pat.secrets + "\n")
        rounds.append(json.loads(said))
    rows = []
    libraries = paths(bench)
    for part in rounds[0]:
        if part == "nothing":
            continue
        count = "{} ({})".format(*relocations(bench, libraries[part])) if part in libraries else ""
        faults = stats.median([told[part]["faults"] for told in rounds])
        rows.append([part, table.quantity([told[part]["us"] for told in rounds], "us"),
                     "" if part.startswith("fork") else f"{faults:.0f}", count, DONE.get(part, "")])
    bench.table(["part", "it takes", "page faults", "relocations (by name)", "what was done about it"], rows)
    rows = [[name, *(str(system_calls(bench, service, secret, fresh)) for fresh in (True, False))]
            for name, service, secret in (("pam_pat", "pat", pat.secrets), ("pam_permit", "permit", "any"))]
    bench.table(["", "system calls in a fresh process", "in one that did it before"], rows)
