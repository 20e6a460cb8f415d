#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Drives the real programs while calls of theirs to the C library fail (tests/preload/fail.c).

faults.py some SECONDS SEED NAME...: each of the scenarios below, at steps drawn with SEED
faults.py all SECONDS SEED NAME...: at every step, and in every way to fail, in about that time at most
faults.py once STEP:WAY[:on] 0 NAME: one step again
faults.py names: those that there are

Prints a line for each promise that was not kept, which begins with what repeats it; and lines `# figure: ...`.

What it needs stands in the environment: FAIL_SO, FAIL_PLAN (of patd, which runs with both), DRIVE
(pamdrive), LOG, PATD_PID.
"""

import errno
import os
import random
import sys
import time

import faults_scenarios
from faults_plan import LONGEST, STORE, STORE_DIR, Keep, Plan, Ran, log_since, log_size

SHOWN = int(os.environ.get("PAT_SHOWN", "20"))

# Where a program waits, signals come; whoever waits goes on.
INTERRUPTED = ("fcntl", "poll", "connect", "accept4", "send")


def waits(pid):
    """Whether that is the child of patd that waits for the next question of the module."""
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read() == "patd-spare\n"
    except OSError:
        return False


def all_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


def descriptors(pid):
    """But for that to the child that waits."""
    return len(os.listdir(f"/proc/{pid}/fd")) - sum(map(waits, all_children(pid)))


def children(pid):
    """Those that serve somebody."""
    return sum(not waits(child) for child in all_children(pid))


def doing(pid):
    """What the children of a process are doing: the number of the system call, the arguments."""
    said = []
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for child in file.read().split():
            for what in ("syscall", "status"):
                try:
                    with open(f"/proc/{child}/{what}", encoding="ascii") as about:
                        said += about.read().splitlines()[:3]
                except OSError:
                    pass
            said += [os.readlink(entry.path) for entry in os.scandir(f"/proc/{child}/fd")]
    return "; ".join(said)


def settle(pid, wanted):
    """Waits for the last children; some write the store anew."""
    end = time.monotonic() + LONGEST
    while (children(pid) != 0 or descriptors(pid) > wanted) and time.monotonic() < end:
        time.sleep(0.01)


def quiet(pid):
    """How many descriptors it has when nothing goes on any more."""
    end, last, seen = time.monotonic() + LONGEST, -1, 0
    while seen < 20 and time.monotonic() < end:
        now = descriptors(pid)
        seen = seen + 1 if now == last and children(pid) == 0 else 0
        last = now
        time.sleep(0.01)
    return last


class Sweeper:
    """Takes a scenario through its steps."""

    def __init__(self, scenario, name):
        self.scenario, self.name = scenario, name
        self.done = self.fired = self.wrong = self.orphans = 0
        self.patd = int(os.environ["PATD_PID"])
        self.seen = 0

    def complain(self, step, way, forever, what):
        plan = self.scenario.plan
        self.wrong += 1
        if self.wrong <= SHOWN:
            print(f"{self.name} {step}:{way}{':on' if forever else ''} {plan.what}() "
                  f"{os.strerror(plan.error) if plan.error else 'half'}: {what}", flush=True)

    def once(self, step, way, forever):
        """One round. Returns how many ways there are, 0 if nothing failed."""
        scenario, plan = self.scenario, self.scenario.plan
        scenario.before()
        scenario.log_from = log_from = log_size()
        began = time.monotonic()
        plan.arm(scenario.who, scenario.mask, step, way, forever)
        ran = scenario.act()
        plan.disarm()
        fired = plan.fired
        self.seen = plan.seen
        if fired and plan.error == errno.EINTR and plan.what in INTERRUPTED and not scenario.succeeded(ran):
            self.complain(step, way, forever, f"a signal made it fail: {ran}")
        self.done += 1
        self.fired += fired > 0
        if ran.status < 0:
            self.complain(step, way, forever, f"crashed: {ran}")
        if ran.status == 124 or time.monotonic() - began > LONGEST:
            self.complain(step, way, forever, f"hung: {ran}")
        log = log_since(log_from)
        for line in scenario.judge(ran, log):
            self.complain(step, way, forever, line)
        log = log_since(log_from)
        if "was ended by signal" in log:
            self.complain(step, way, forever, "a child of patd died")
        if not os.path.exists(f"/proc/{self.patd}"):
            self.complain(step, way, forever, "patd has ended")
            raise SystemExit(1)
        self.look_at_store(step, way, forever)
        return plan.ways if fired else 0

    def look_at_store(self, step, way, forever):
        left = set(os.listdir(STORE_DIR)) - {"tokens.tdb", "tokens.tdb.lock"}
        if left:
            self.complain(step, way, forever, f"left behind: {left}")
        plan_error = self.scenario.plan.error
        if os.path.exists(STORE):
            check = Ran(["patstore", "check"])
            # A commit of TDB's that was cut short may leave space at the end that is nobody's.
            if self.scenario.orphans and plan_error == 0 and " 0 faults in records" in check.out:
                self.orphans += 1
            elif check.status != 0:
                self.complain(step, way, forever, f"the store is not sound: {check}")

    def all(self, until, draw):
        """Each step in each way, once and for ever, in any order. Whether there was time for that."""
        self.once(0, 0, 0)
        # What fails may lead to more.
        every = [(step, forever) for step in range(1, self.seen + self.seen // 10 + 5)
                 for forever in ((0, 1) if self.scenario.lasting else (0,))]
        draw.shuffle(every)
        for step, forever in every:
            ways = self.once(step, 0, forever)
            for way in range(1, ways):
                self.once(step, way, forever)
            if time.monotonic() > until:
                return False
        return True

    def some(self, until, draw):
        """At least one, and steps from all over."""
        self.once(0, 0, 0)
        steps = max(self.seen, 1)
        while True:
            self.once(draw.randint(1, steps), draw.randint(0, 9), int(self.scenario.lasting and draw.random() < 0.25))
            if time.monotonic() > until:
                break


def run_one(name, base, how, until, draw):
    base.restore()
    with open("/etc/security/pat.conf", "w", encoding="ascii") as file:
        file.write("max_tokens = 1000\n")
    scenario = getattr(faults_scenarios, name)(Plan(os.environ["FAIL_PLAN"]))
    scenario.patd_plan.disarm()
    scenario.prepare()
    sweeper = Sweeper(scenario, name)
    before = quiet(sweeper.patd)
    whole = ""
    if ":" in how:
        step, way, *forever = how.split(":")
        sweeper.once(int(step), int(way), int(bool(forever)))
    elif how == "some":
        sweeper.some(until, draw)
    else:
        whole = ", all steps" if sweeper.all(until, draw) else ", not all steps"
    settle(sweeper.patd, before)
    # Fewer are no leak: it may have no process ready for the next one at the moment.
    if descriptors(sweeper.patd) > before:
        print(f"{name}: patd has {descriptors(sweeper.patd)} descriptors, not {before}")
    if children(sweeper.patd) != 0:
        print(f"{name}: patd has {children(sweeper.patd)} children left: {doing(sweeper.patd)}")
    if sweeper.wrong > SHOWN:
        print(f"{name}: and {sweeper.wrong - SHOWN} more")
    if how == "all":
        print(f"# figure: {name}: {sweeper.fired} faults in {sweeper.done} runs{whole}; {sweeper.wrong} promises "
              f"broken; {sweeper.orphans} times space was left to nobody", flush=True)
    return sweeper


def main():
    how, *rest = sys.argv[1:]
    if how == "names":
        print("\n".join(faults_scenarios.scenarios()))
        return
    if how == "once":
        how, _, *names = rest
        seconds, seed = 0, 0
    else:
        seconds, seed, *names = rest
    draw = random.Random(str(seed))
    base = Keep()
    end = time.monotonic() + float(seconds)
    names = names or faults_scenarios.scenarios()
    fired = done = 0
    for turn, name in enumerate(names):
        now = time.monotonic()
        sweeper = run_one(name, base, how, now + (end - now) / (len(names) - turn), draw)
        fired, done = fired + sweeper.fired, done + sweeper.done
    print(f"# figure: {fired} faults in {done} runs of {len(names)} scenarios")


if __name__ == "__main__":
    main()
