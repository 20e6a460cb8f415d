# SPDX-License-Identifier: ISC
"""Lists of tokens: a user's, and all of a large store."""

import glob
import os
import subprocess
import sys
import time

import section_commands
import section_growth
import section_patd

TITLE = "patctl list"
SIZES = [10_000, 100_000, 1_000_000]
COUNT = 20
TOKENS = 50


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return children.read().split()


def peak_of(pid):
    """KiB at most, until now; 0 when it has gone."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return max((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), default=0)


class Watch:
    """The peaks of memory of a command, and of the largest of patd's children and their children."""

    def __init__(self, command, patd):
        self.command, self.patd = command, patd
        self.peak_of_command = self.peak_of_patd = 0

    def look(self):
        try:
            self.peak_of_command = max(self.peak_of_command, peak_of(self.command.pid))
            for child in children_of(self.patd.pid):
                for pid in [child, *children_of(child)]:
                    self.peak_of_patd = max(self.peak_of_patd, peak_of(pid))
        except OSError:
            pass  # one has just gone

    def until_it_ends(self):
        while self.command.poll() is None:
            self.look()
            time.sleep(0.01)


def list_all(bench, patd, path, size):
    """Microseconds, and KiB at most in patctl and in a process of patd's."""
    with open(f"{section_growth.DIR}/list", "wb") as out:
        began = time.monotonic()
        command = subprocess.Popen(["patctl", "list", "--all-users", "--json", "--socket", path], stdout=out)
        watch = Watch(command, patd)
        watch.until_it_ends()
        took = (time.monotonic() - began) * 1e6
    with open(f"{section_growth.DIR}/list", "rb") as printed:
        listed = sum(line.lstrip().startswith(b'"id":') for line in printed)
    if command.returncode != 0 or listed != size:
        sys.exit(f"list: {listed} of {size} tokens, status {command.returncode}")
    bench.progress(f"{size:,} tokens in {took / 1e6:.1f} s")
    return took, watch.peak_of_command, watch.peak_of_patd


def large(bench):
    sizes = [100, 1000, 10_000] if bench.quick else SIZES
    told = {}
    for size in sizes:
        path = section_commands.fill(bench, size)
        directory = f"/run/bench-{size}"
        patd = subprocess.Popen(["patd", "--listen", directory, "--store", path])
        section_patd.appears(f"{directory}/io.pampat.Tokens")
        told[size] = [list_all(bench, patd, f"{directory}/io.pampat.Tokens", size) for _ in range(1 if size > 100_000 else 3)]
        patd.terminate()
        patd.wait()
        for name in glob.glob(f"{path}*"):
            os.unlink(name)
    os.unlink(f"{section_growth.DIR}/list")
    first, last = sizes[0], sizes[-1]
    for size in sizes[1:]:
        told[size] *= len(told[first]) // len(told[size])
    for place, what, unit in ((0, "time for a token", "us"), (1, "memory of patctl", "KiB"), (2, "memory of patd", "KiB")):
        def of(size):
            return [one[place] / size if place == 0 else one[place] for one in told[size]]
        for size in sizes[1:]:
            bench.row(f"all {size:,} as JSON: {what}", of(size), of(first), ("<=", 1.3) if size == last else None,
                      unit=unit, name=f"{first:,} tokens")


def run(bench):
    for _ in range(TOKENS):
        bench.token("carol", "--service", "sshd")
    lines = "\n" * bench.count(COUNT)

    def spawn(*command):
        return section_commands.median(bench.run(bench.driver("spawn"), *command, given=lines))

    samples = bench.interleave({"list": lambda: spawn("patctl", "list", "--user", "carol"),
                                "findmnt": lambda: spawn("findmnt")})
    bench.row(f"patctl list, {TOKENS} tokens", samples["list"], samples["findmnt"], ("<=", 1.5), name="findmnt")
    large(bench)
