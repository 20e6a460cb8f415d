# SPDX-License-Identifier: ISC
"""What the sections of the benchmark share: rounds, drivers, PAM services, and what is written down."""

import json
import os
import random
import subprocess
import sys
import time

import stats
import table

CONFDIR = "/etc/bench.d"


class Bench:
    def __init__(self, build, rounds, quick):
        self.build = build
        self.rounds = rounds
        self.quick = quick
        self.began = time.monotonic()
        self.section = ""
        self.report = []  # of each section: title, rows, notes
        self.random = random.Random(1)
        os.makedirs(CONFDIR, exist_ok=True)
        self.service("other", "# Nothing: libpam reads it with each service.")

    # --- measuring

    def count(self, wanted):
        """How many times to do something that is done `wanted` times; a quick run is to see that it works."""
        return max(2, wanted // 50) if self.quick else wanted

    def interleave(self, subjects, rounds=None, warmup=1):
        """Calls each of the subjects once a round, in another order each time. {name: callable} becomes
        {name: samples}, where a sample is what it returned: microseconds, or quantiles by name."""
        rounds = 2 if self.quick else rounds or self.rounds
        samples = {name: [] for name in subjects}
        for turn in range(-warmup, rounds):
            self.progress("warming up" if turn < 0 else f"round {turn + 1} of {rounds}")
            order = list(subjects)
            self.random.shuffle(order)
            for name in order:
                sample = subjects[name]()
                if turn >= 0:
                    samples[name].append(sample)
        return samples

    # --- what is measured

    def service(self, name, *lines, confdir=CONFDIR):
        """A PAM service with these lines."""
        with open(os.path.join(confdir, name), "w", encoding="utf-8") as stack:
            stack.write("\n".join(lines) + "\n")

    def driver(self, name):
        return os.path.join(self.build, "bench", name)

    def tool(self, name):
        return os.path.join(self.build, "tests", "tools", name)

    def run(self, *command, given=""):
        """What the command printed; if it fails, there is nothing to measure."""
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{self.section}: {' '.join(command)} failed: {done.stderr or done.stdout}")
        return done.stdout

    def loop_command(self, service, user, count=None, seconds=None, fresh=False, answer=0, rhost=None,
                     warm_up=None, pause=None, confdir=CONFDIR):
        """The command line of the driver: see loop.c."""
        command = [self.driver("loop"), "-c", confdir, "-x", str(answer)]
        command += ["-s", str(seconds)] if seconds else ["-n", str(count)]
        command += ["-f"] if fresh else []
        command += ["-r", rhost] if rhost else []
        command += ["-w", str(warm_up)] if warm_up is not None else []
        command += ["-p", str(pause)] if pause else []
        return command + [service, user]

    def loop(self, service, user, secrets, count, **options):
        """So many logins in one process, or each in a fresh one: quantiles in microseconds."""
        count = self.count(count)
        if callable(secrets):
            secrets = secrets(count + (options.get("warm_up", 3)))
        given = secrets if isinstance(secrets, str) else "\n".join(secrets)
        return json.loads(self.run(*self.loop_command(service, user, count=count, **options), given=given + "\n"))

    def token(self, user, *options):
        """A new token of that user's, from root."""
        return self.run("patctl", "create", "--user", user, f"bench-{self.random.randrange(10**9)}",
                        *options).strip()

    # --- what is written down

    def begin(self, name, title):
        self.section = name
        self.report.append((title, [], []))

    def row(self, what, samples, against=None, limit=None, unit="us", key="p50", name=""):
        """A row of the section's table: the median of the samples, and what it is to that of the others (whose
        name is `name`), a round with a round. limit: ('<=', 0.9), ('>=', 1.8), or ('faster', 500)."""
        others = (name, stats.of(against, key)) if against else None
        cells = table.row(what, stats.of(samples, key), unit, others, limit)
        self.report[-1][1].append(cells)
        self.progress(" ".join(cell for cell in cells if cell))

    def note(self, text):
        """A paragraph below the section's table."""
        self.report[-1][2].append(text)

    def table(self, head, rows):
        """Another table, of text."""
        self.note(table.render(head, rows))

    def progress(self, text):
        print(f"[{time.monotonic() - self.began:4.0f} s] {self.section}: {text}", file=sys.stderr, flush=True)

    def render(self):
        parts = []
        for title, rows, notes in self.report:
            parts.append(f"## {title}")
            if rows:
                parts.append(table.render(table.HEAD, rows))
            parts += notes
        return "\n\n".join(parts)


