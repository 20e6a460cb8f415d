# SPDX-License-Identifier: ISC
"""Real logins by ssh."""

import os
import threading

import peers
import sshd

TITLE = "Whole ssh logins: by token, and by pam_unix password"
LOGINS = int(os.environ.get("LOGINS", "1000"))  # of each kind
AT_ONCE = 3


class Queue:
    """Logins of both kinds in turn, some at once."""

    def __init__(self, servers, count):
        self.lock = threading.Lock()
        self.left = [name for _ in range(count) for name in servers]
        self.servers = servers
        self.times = {name: [] for name in servers}

    def work(self):
        while True:
            with self.lock:
                if not self.left:
                    return
                name = self.left.pop()
            server, secret = self.servers[name]
            took = server.log_in(peers.USER, secret)
            with self.lock:
                self.times[name].append(took)

    def run(self):
        threads = [threading.Thread(target=self.work) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.times


def run(bench):
    bench.run("sh", "-c", f": >/home/{peers.USER}/.hushlogin")
    token = bench.token(peers.USER, "--service", "sshd")
    servers = {"token": (sshd.Sshd(bench, 2201), token), "password": (sshd.Sshd(bench, 2202), peers.PASSWORD)}
    count = bench.count(LOGINS)
    rounds = 5
    samples = {name: [] for name in servers}
    for turn in range(rounds):
        bench.progress(f"{count // rounds} logins of each kind, {turn + 1} of {rounds}")
        for name, times in Queue(servers, max(1, count // rounds)).run().items():
            if len(times) < max(1, count // rounds):
                raise SystemExit("logins: one was refused")
            samples[name].append(sorted(times)[len(times) // 2])
    used = {name: server.end() * 1e6 / (rounds * max(1, count // rounds)) for name, (server, _) in servers.items()}
    bench.row("a login by token, from ssh's start to its end", samples["token"], samples["password"],
              name="pam_unix, yescrypt")
    bench.row("CPU of sshd and its children for it", [used["token"]], [used["password"]], name="pam_unix, yescrypt")
    bench.note(f"{count} logins of each kind, {AT_ONCE} at once, none of them refused.")
