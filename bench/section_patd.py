# SPDX-License-Identifier: ISC
"""A verification by patd: for su, sudo and servers that are not root."""

import functools
import glob
import json
import os
import subprocess
import sys
import time

import peers
import section_growth

TITLE = "Through patd"
NULL = "/run/bench-null"
SIZES = [10, 1_000_000]
PAUSE = 1000  # microseconds: logins do not come one upon the other
CROWD = 1000


def appears(path):
    end = time.monotonic() + 10
    while not os.path.exists(path):
        if time.monotonic() > end:
            sys.exit(f"{path} does not appear")
        time.sleep(0.01)


class Servers:
    """A null server; and a patd for each of some stores."""

    def __init__(self, bench, stores):
        self.running = [subprocess.Popen([bench.driver("nullserver"), NULL], stdin=subprocess.PIPE)]
        self.sockets = {"null": NULL}
        self.tokens = {}
        for size, (path, tokens, _) in stores.items():
            directory = f"/run/bench-{size}"
            self.running.append(subprocess.Popen(["patd", "--listen", directory, "--store", path]))
            self.sockets[size] = f"{directory}/verify"
            self.tokens[size] = tokens[0]
        self.tokens["null"] = self.tokens[next(iter(stores))]

    def __enter__(self):
        for socket in self.sockets.values():
            appears(socket)
        return self

    def __exit__(self, *_):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait()
        os.unlink(NULL)

    def ask(self, bench, *options, only=None):
        """Microseconds of each answer, by socket."""
        names = only or list(self.sockets)
        said = bench.run(bench.driver("ask"), "-u", "alice", *options, *(self.sockets[name] for name in names),
                         given="\n".join(self.tokens[name] for name in names) + "\n")
        return {name: sorted(float(number) for number in line.split())
                for name, line in zip(names, said.splitlines())}


def quantiles(times):
    return {"p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100]}


def ask_all(bench, servers, pause):
    """Samples of each, of rounds in which all were asked in turn."""
    ask = functools.partial(servers.ask, bench, "-n", str(bench.count(300)), "-p", str(pause))
    rounds = bench.interleave({"all": ask})["all"]
    return {name: [quantiles(one[name]) for one in rounds] for name in rounds[0]}


def as_programs(bench):
    """The module in processes that are not root, or not quite: what loads it, by what it runs as."""
    bench.run("sed", "-i", "s/^verify_for =.*/verify_for = www-data/", "/etc/security/pat.conf")
    service = peers.pat(bench)
    unix = peers.unix(bench)

    def loop(pause, *identity):
        command = ["setpriv", *identity, *bench.loop_command("pat", "alice", count=bench.count(200), pause=pause)]
        return json.loads(bench.run(*command, given=service.secrets + "\n"))

    su = ["--ruid=alice"]
    server = ["--reuid=www-data", "--regid=www-data", "--clear-groups"]
    samples = bench.interleave({
        "su": lambda: loop(PAUSE, *su),
        "su, tight": lambda: loop(None, *su),
        "server": lambda: loop(PAUSE, *server),
        "server, tight": lambda: loop(None, *server),
        "unix": unix.loop(bench, pause=PAUSE),
        "unix, tight": unix.loop(bench),
    })
    for name, what, limit in (
            ("su", "as su and sudo, ruid not 0: pam_start … pam_end", ("faster", 100)),
            ("su, tight", "the same, without a pause between them", ("faster", 1)),
            ("server", "as nginx, uid of www-data, in verify_for: pam_start … pam_end", ("faster", 100)),
            ("server, tight", "the same, without a pause between them", ("faster", 1))):
        bench.row(what, samples[name], samples["unix, tight" if "tight" in name else "unix"], limit,
                  name="pam_unix, yescrypt")


def crowd(bench, servers):
    count = 100 if bench.quick else CROWD
    took = []
    for _ in range(3):
        took += [quantiles(servers.ask(bench, "-c", str(count), only=[SIZES[0]])[SIZES[0]])]
    bench.row(f"{count} at once, the slowest 1 %", took, key="p99")
    bench.note(f"Of three times {count} questions at once none was lost, and each was answered right.")


def run(bench):
    sizes = [10, 1000] if bench.quick else SIZES
    stores = {size: section_growth.fill(bench, size) for size in sizes}
    small, large = sizes
    with Servers(bench, stores) as servers:
        samples = ask_all(bench, servers, PAUSE)
        bench.row("a verification, its socket alone", samples[small], samples["null"], ("<=", 1.5),
                  name="null server")
        bench.row(f"the same with {large:,} tokens", samples[large], samples[small], ("<=", 1.3),
                  name=f"{small} tokens")
        samples = ask_all(bench, servers, 0)
        bench.row("the same, without a pause between them", samples[small], samples["null"], name="null server")
        crowd(bench, servers)
    as_programs(bench)
    for path, _, _ in stores.values():
        for name in glob.glob(f"{path}*"):
            os.unlink(name)
