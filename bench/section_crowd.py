# SPDX-License-Identifier: ISC
"""Logins beside each other, and beside an administrator who changes tokens all the time."""

import json
import subprocess
import sys
import threading

import peers

TITLE = "Two processes at once, and an administrator at work"
SECONDS = 1.5


def throughput(bench, tokens):
    """Logins a second, of a process for each token."""
    return sum(one["count"] / one["seconds"] for one in told_of_each(bench, tokens))


def told_of_each(bench, tokens):
    command = bench.loop_command("pat", "alice", seconds=0.2 if bench.quick else SECONDS)
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for _ in tokens]
    for process, token in zip(running, tokens):
        process.stdin.write(token + "\n")
        process.stdin.close()
    told = [process.stdout.read() for process in running]
    if any(process.wait() for process in running):
        sys.exit("crowd: a login was refused")
    return [json.loads(text) for text in told]


class Administrator:
    """Mints a token and revokes it, over and over."""

    def __init__(self, bench):
        self.bench = bench
        self.ended = threading.Event()
        self.changes = 0

    def work(self):
        while not self.ended.is_set():
            token = self.bench.token("bob")
            self.bench.run("patctl", "revoke", "-q", "--user", "bob", token[7:15])
            self.changes += 2

    def __enter__(self):
        self.thread = threading.Thread(target=self.work)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def run(bench):
    mine = peers.pat(bench).secrets
    others = bench.token("alice", "--service", "pat")
    changes = 0

    def beside_administrator():
        nonlocal changes
        with Administrator(bench) as administrator:
            told = told_of_each(bench, [mine])[0]
        changes += administrator.changes
        return told

    samples = bench.interleave({
        "one": lambda: throughput(bench, [mine]),
        "two": lambda: throughput(bench, [mine, others]),
        "same token": lambda: throughput(bench, [mine, mine]),
        "quiet": lambda: told_of_each(bench, [mine])[0],
        "busy": beside_administrator,
    }, rounds=5)
    bench.row("two processes", samples["two"], samples["one"], (">=", 1.8), unit="logins/s", name="one")
    bench.row("two processes, one token", samples["same token"], samples["one"], unit="logins/s", name="one")
    bench.row("while tokens are minted and revoked, p50", samples["busy"], samples["quiet"], name="else")
    bench.row("while tokens are minted and revoked, p99", samples["busy"], samples["quiet"], ("<=", 10), key="p99",
              name="else")
    bench.note(f"None was refused. The administrator made {changes} changes in all. A login that meets a commit waits "
               "for its syncs, once: p99 shows them where more than one login in a hundred does. Why it waits: "
               "lib/store_commit.c.")
