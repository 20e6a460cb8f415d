# SPDX-License-Identifier: ISC
"""Whole commands that change something, from their start to their end."""

import glob
import os
import re
import shutil
import socket
import subprocess
import time

import section_growth
import section_patd

TITLE = "patctl create and revoke, whole commands, from root"
DIR = "/var/lib/pat"
SIZES = [10, 1_000_000]
COUNT = 20
FIRST_UID = 100000  # of the tokens that are there: bob's are few
GET_INFO = b'{"method":"org.varlink.service.GetInfo"}\0'


def fill(bench, size):
    path = f"{DIR}/{size}.tdb"
    bench.progress(f"making a store of {size} tokens")
    bench.run(bench.tool("pour"), "-b", str(section_growth.buckets(size)), "-u", str(FIRST_UID), "-n", str(size), path)
    shutil.copyfile(path, f"{path}.bare")
    return path


def median(said):
    times = sorted(float(number) for number in said.split())
    return times[len(times) // 2]


def call(path):
    """Microseconds of a connection with one call that does nothing."""
    began = time.perf_counter()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(GET_INFO)
        while not connection.recv(65536).endswith(b"\0"):
            pass
    return (time.perf_counter() - began) * 1e6


class Store:
    """One with a patd of its own."""

    def __init__(self, bench, size):
        self.bench, self.size, self.path = bench, size, fill(bench, size)
        self.socket = f"/run/bench-{size}/io.pampat.Tokens"
        self.serial = 0
        self.patd = subprocess.Popen(["patd", "--listen", os.path.dirname(self.socket), "--store", self.path])
        section_patd.appears(self.socket)

    def end(self):
        self.patd.terminate()
        self.patd.wait()
        for name in glob.glob(f"{self.path}*"):
            os.unlink(name)

    def spawn(self, lines, *command):
        return median(self.bench.run(self.bench.driver("spawn"), *command, given="\n".join(lines) + "\n"))

    def forget_ended(self):
        """So that the user has no more tokens than a round makes: each change looks at all of them. In a large store
        that takes half a minute, and is little to what else is large there."""
        if self.size > SIZES[0]:
            return
        policy = f"{DIR}/forgetful.conf"
        with open("/etc/security/pat.conf", encoding="utf-8") as rules, open(policy, "w", encoding="utf-8") as out:
            out.write(re.sub(r"^keep_revoked = .*$", "keep_revoked = 1s", rules.read(), flags=re.MULTILINE))
        time.sleep(2)
        self.bench.run("patd", "--sweep", "--store", self.path, "--config", policy)

    def create_and_revoke(self):
        """Tokens made one after the other, and ended so."""
        self.forget_ended()
        made = f"{DIR}/made"
        self.serial += 1
        names = [f"b{self.serial}-{i}" for i in range(self.bench.count(COUNT))]
        created = self.spawn(names, "-o", made, "patctl", "create", "--socket", self.socket, "-q", "--user", "bob", "{}")
        with open(made, encoding="ascii") as tokens:
            ids = [token[7:15] for token in tokens.read().split()]
        os.unlink(made)
        revoked = self.spawn(ids, "patctl", "revoke", "--socket", self.socket, "-q", "{}")
        return {"create": created, "revoke": revoked}

    def bare(self, *options):
        return median(self.bench.run(self.bench.driver("commit"), *options, "-n", str(self.bench.count(COUNT)),
                                     f"{self.path}.bare"))

    def call(self):
        return median(" ".join(str(call(self.socket)) for _ in range(self.bench.count(COUNT))))


def measure(bench, size):
    store = Store(bench, size)
    lines = [""] * bench.count(COUNT)
    samples = bench.interleave({
        "both": store.create_and_revoke,
        "bare": lambda: store.bare("-f"),
        "again": store.bare,
        "empty": lambda: store.spawn(lines, bench.driver("empty")),
        "start": lambda: store.spawn(lines, "patctl", "--version"),
        "call": store.call,
    }, rounds=7)
    store.end()
    floor = [empty + bare for empty, bare in zip(samples["empty"], samples["bare"])]
    for command in ("create", "revoke"):
        bench.row(f"patctl {command}, {size:,} tokens", [both[command] for both in samples["both"]], floor, ("<=", 2),
                  name="empty process and bare transaction")
    for part, what in (("empty", "an empty process"), ("start", "patctl --version"),
                       ("call", "a connection to patd and a call that does nothing"),
                       ("bare", "a bare transaction with its syncs, the first of a process"),
                       ("again", "the same in a process that made some before")):
        bench.row(f"… of which {what}", samples[part])


def run(bench):
    bench.run("sed", "-i", "s/^max_tokens =.*/max_tokens = 1000/", "/etc/security/pat.conf")
    for size in [10, 1000] if bench.quick else SIZES:
        measure(bench, size)
    bench.note(f"In the small store the user has {COUNT} tokens at most; in the large one, those of each round more. The "
               "bare transaction is made in a store of the same size: it opens it, writes as many records as a token is, "
               "commits and closes. Each change of ours is the first of a process, and so is that which it is measured "
               "against.")
