# SPDX-License-Identifier: ISC
"""Stores of ten tokens and of a million."""

import functools
import glob
import os
import subprocess
import sys
import time

TITLE = "Growth: a long-lived process, with stores of different sizes"
SIZES = [10, 1000, 100_000, 1_000_000]
DIR = "/var/lib/pat"
PRINTED = 100  # tokens that take turns: the time is that of no single place in the store
HASH_SIZE = 10007  # of a new store


def buckets(size):
    """How many chains a rebuild gives a store of so many tokens: two records in each, at most."""
    count = HASH_SIZE
    while count < size:
        count *= 2
    return count


def fill(bench, size):
    """A store of that size and some of alice's tokens in it."""
    uid = bench.run("id", "-u", "alice").strip()
    path = f"{DIR}/{size}.tdb"
    bench.progress(f"making a store of {size} tokens")
    printed = bench.run(bench.tool("pour"), "-b", str(buckets(size)), "-g", "alice", "-u", uid, "-n", str(size),
                        "-p", str(PRINTED), path).split()
    bench.run("patstore", "rebuild", "--store", path)
    confdir = f"/etc/bench{size}.d"
    os.makedirs(confdir, exist_ok=True)
    bench.service("other", "# Nothing.", confdir=confdir)
    bench.service("probe", f"auth required pam_pat.so store={path}", confdir=confdir)  # what pour's are for
    return path, printed, confdir


def meanwhile(bench, tokens, confdir, command):
    """Microseconds that the command takes, while others log in; none may be refused."""
    loop = subprocess.Popen(bench.loop_command("probe", "alice", seconds=3600, confdir=confdir), stdin=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    loop.stdin.write("\n".join(tokens) + "\n")
    loop.stdin.close()
    began = time.monotonic()
    bench.run(*command)
    took = (time.monotonic() - began) * 1e6
    if loop.poll() is not None:
        sys.exit(f"growth: a login failed during {command[0]}: {loop.stderr.read()}")
    loop.terminate()
    loop.wait()
    return took


def run(bench):
    sizes = SIZES[:2] if bench.quick else SIZES
    stores = {size: fill(bench, size) for size in sizes}
    samples = bench.interleave({
        size: functools.partial(bench.loop, "probe", "alice", tokens, 1000, confdir=confdir, warm_up=PRINTED)
        for size, (_, tokens, confdir) in stores.items()})
    for size in sizes[1:]:
        bench.row(f"{size:,} tokens", samples[size], samples[sizes[0]], ("<=", 1.3), name=f"{sizes[0]} tokens")
    largest = sizes[-1]
    path, tokens, confdir = stores[largest]
    bench.row(f"a token, of {largest:,}", [os.path.getsize(path) / largest], limit=("<=", 1024), unit="bytes")
    copy = ["sh", "-c", f"cp {path} {path}.copy && sync {path}.copy"]
    samples = bench.interleave({
        "copy": lambda: meanwhile(bench, tokens, confdir, copy),
        "rebuild": lambda: meanwhile(bench, tokens, confdir, ["patstore", "rebuild", "--store", path]),
    }, rounds=3, warmup=0)
    bench.row(f"patstore rebuild, {largest:,} tokens, logins going on", samples["rebuild"], samples["copy"],
              ("<=", 5), name="cp and sync")
    for made, _, _ in stores.values():
        for name in glob.glob(f"{made}*"):
            os.unlink(name)
