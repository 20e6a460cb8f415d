#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Stops whoever is in the store after each of its system calls, and looks who can still do what.

stopped.py SECONDS AT_MOST SEED [WHAT:NUMBER:HOW:END:CHANGE...]: at all stop points, in an order that SEED draws, or as
many as there is time for; or only at those that are named. Prints a line for each promise that was not kept, which
begins with what repeats it, and lines `# figure: ...`.

Each site is a store of its own, with a patd and a PAM service of its own, so that many wait at once. What it
needs stands in the environment: STOPPED (the tracer), DRIVE (pamdrive), MODULE, LOG, W (a directory).
"""

import collections
import concurrent.futures
import os
import queue
import random
import subprocess
import sys
import threading
import time

from stopped_site import Freezer, Site, Tracer, run, state_of

SITES = 12
LOGIN_S = 5       # 2 s, and what a busy machine takes
CHANGE_S = 16     # 10 s, likewise
HOWS = ("held", "stopped", "frozen")
ENDS = ("g", "k")


class Holder:
    """Who is stopped: how it is started, and what it must have come to when it goes on. `exclusive`:
    it may keep logins out."""

    def __init__(self, name, begin, judge, in_patd=False, exclusive=False, records=False):
        self.name, self.begin, self.judge = name, begin, judge
        self.in_patd, self.exclusive, self.records = in_patd, exclusive, records


def drive(site, token, remote=False):
    return [os.environ["DRIVE"], site.name + ("-r" if remote else ""), "alice"], token


def judge_login(status, out, _err):
    # Stopped for longer than it would have waited, it may be too late.
    if "auth=success" not in out and "auth=system_err" not in out:
        return f"went on and answered {out!r} ({status})"
    return ""


def judge_patctl(status, _out, err):
    if status in (0, 6) or (status == 1 and len(err) > 20):
        return ""
    return f"went on and said {err!r} ({status})"


def judge_any(status, out, err):
    # Whose child was killed says so; nothing else is an error without words.
    return "" if status == 0 or out or err else f"went on and failed without a word ({status})"


def verb(*arguments, fresh=None):
    def begin(site):
        if fresh is not None:
            site.serial += 1
            name = f"{fresh} {site.serial}"
            site.mint(name)
            return site.patctl(*arguments, name), ""
        site.serial += 1
        return site.patctl(*arguments, f"made {site.serial}", "--service", site.name), ""
    return begin


def edit(site):
    site.serial += 1
    site.mint(f"edited {site.serial}")
    return site.patctl("edit", f"edited {site.serial}", "--expires", "1h"), ""


def sweep(site):
    site.serial += 1
    site.mint(f"swept {site.serial}")
    run(site.patctl("revoke", f"swept {site.serial}"))
    time.sleep(1.1)
    return ["patd", "--sweep", "--store", site.store, "--config", f"{os.environ['W']}/short.conf"], ""


def patstore(*arguments):
    return lambda site: (["patstore", *arguments, "--store", site.store], "")


def backup(site):
    return ["patstore", "backup", "--force", f"{site.dir}/backup", "--store", site.store], ""


HOLDERS = [
    Holder("verify", lambda site: drive(site, site.good), judge_login, records=True),
    Holder("spend", lambda site: drive(site, site.counted), judge_login, records=True),
    Holder("verify-patd", lambda site: drive(site, site.good, True), judge_login, True, records=True),
    Holder("spend-patd", lambda site: drive(site, site.counted, True), judge_login, True, records=True),
    Holder("mint", verb("create"), judge_patctl, True, True),
    Holder("revoke", verb("revoke", fresh="gone"), judge_patctl, True, True),
    Holder("rotate", verb("rotate", fresh="turned"), judge_patctl, True, True),
    Holder("edit", edit, judge_patctl, True, True),
    Holder("list", lambda site: (site.patctl("list"), ""), judge_patctl, True),
    Holder("sweep", sweep, judge_any, False, True),
    Holder("check", patstore("check"), judge_any),
    Holder("stats", patstore("stats"), judge_any),
]
if "backup" in run(["patstore", "--help"])[1]:
    HOLDERS += [Holder("backup", backup, judge_any, False, True),
                Holder("rebuild", patstore("rebuild"), judge_any, False, True)]
BY_NAME = {holder.name: holder for holder in HOLDERS}


class Point:
    """One stop: who, after which system call, how, and how it ends."""

    def __init__(self, holder, number, how, end, change):
        self.holder, self.number, self.how, self.end, self.change = holder, number, how, end, change

    def __str__(self):
        return f"{self.holder.name}:{self.number}:{self.how}:{self.end}:{int(self.change)}"


class Results:
    def __init__(self):
        self.lock = threading.Lock()
        self.counts = collections.Counter()
        self.possible = collections.defaultdict(lambda: [0, 0])
        self.slowest = {"login": 0.0, "change": 0.0}
        self.wrong = 0

    def complain(self, point, what):
        with self.lock:
            self.wrong += 1
            if self.wrong <= 40:
                print(f"{point}: {what}", flush=True)

    def count(self, name):
        with self.lock:
            self.counts[name] += 1

    def took(self, what, seconds):
        with self.lock:
            self.slowest[what] = max(self.slowest[what], seconds)


def critical_lines(site):
    with open(os.environ["LOG"], encoding="utf-8", errors="replace") as file:
        return sum(1 for line in file if line.startswith("<82>") and f"pam_pat({site.name}" in line)


def look_at_login(site, point, results, token, user, remote):
    """True if it was refused because there was no answer to be had."""
    answer, took = site.login(token, user, remote)
    results.took("login", took)
    results.count("logins")
    if took > LOGIN_S:
        results.complain(point, f"a login took {took:.1f} s")
    # The record of a counted token may be held itself: then its use cannot be counted, and is none.
    if answer == "system_err" and token != site.counted and not point.holder.exclusive:
        results.complain(point, "a login was refused, and nobody had to be alone in the store")
    elif answer not in ("success", "system_err"):
        results.complain(point, f"a login was answered {answer}")
    return answer == "system_err"


def look_at_logins(site, point, results):
    """What others come to while somebody is stopped. True if all of them got in."""
    crit = critical_lines(site)
    tries = [(site.other, "bob", False), (site.other, "bob", True), (site.good, "alice", False)]
    if point.holder.records:
        tries.append((site.counted, "alice", False))
    with concurrent.futures.ThreadPoolExecutor(len(tries)) as pool:
        refused = list(pool.map(lambda one: look_at_login(site, point, results, *one), tries))
    end = time.monotonic() + LOGIN_S
    while critical_lines(site) < crit + sum(refused):
        if time.monotonic() > end:
            results.complain(point, "a refused login is not in the log as critical")
            break
        time.sleep(0.05)
    return not any(refused[:3])


def look_at_change(site, point, results):
    status, _, err, took = site.mint_new()
    results.took("change", took)
    results.count("changes tried")
    if status == 0:
        results.count("changes made")
    elif status != 1 or "patctl: " not in err or "Success" in err:
        results.complain(point, f"a mint said {err!r}, status {status}")
    if took > CHANGE_S:
        results.complain(point, f"a mint took {took:.1f} s")


def look_afterwards(site, point, results):
    for token, remote in ((site.good, False), (site.good, True), (site.counted, False)):
        answer, took = site.login(token, remote=remote)
        if answer != "success" or took > LOGIN_S:
            results.complain(point, f"afterwards a login is answered {answer} after {took:.1f} s")
    status, _, err, took = site.mint_new()
    if status != 0 or took > LOGIN_S:
        results.complain(point, f"afterwards a mint says {err!r} after {took:.1f} s")
    status, out, err, _ = run(["patstore", "check", "--store", site.store])
    # A killed rebuild leaves the new store, until the next.
    left = ", .new, of a rebuild that was cut off" in out and ", 1 faults" in out
    # A killed commit may leave space at the end of the file that belongs to nobody.
    if status != 0 and not (point.end == "k" and (left or " 0 faults in records" in out)):
        results.complain(point, f"afterwards the store is not sound: {out or err!r}")


def visit(site, point, results):
    """One stop point. False if there is none of that number."""
    holder = point.holder
    site.restore()
    command, given = holder.begin(site)
    actor = None
    if holder.in_patd:
        tracer = Tracer(point.number, pid=site.patd.pid)
        actor = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        actor.stdin.write(given.encode())
        actor.stdin.close()
        actor.stdin = None
    else:
        tracer = Tracer(point.number, command, given=given, part="/pat")
    stopped = tracer.wait()
    freezer = Freezer()
    left = False
    if stopped:
        pid = stopped[0]
        if point.how == "frozen" and not freezer.freeze(pid):
            point.how = "stopped"
        if point.how == "frozen":
            tracer.command("g")
            left = True
        elif point.how == "stopped":
            tracer.command("s")
            left = True
        watch(site, point, results)
        # Whom patd gives so many seconds is ended after them, unless SIGSTOP keeps SIGALRM out.
        if left and state_of(pid) not in ("T", "t", "D", "S", "R") and not (
                holder.in_patd and point.how == "frozen"):
            results.complain(point, f"who was to be stopped is {state_of(pid)}")
        if not finish(point, tracer, freezer, pid, left):
            results.complain(point, "who was stopped goes on and does not come to an end")
    tracer.end()
    if actor is not None:
        try:
            out, err = actor.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            actor.kill()
            out, err = actor.communicate()
            results.complain(point, "who waited for the stopped one hung")
        if stopped and point.end == "g":
            wrong = holder.judge(actor.returncode, out.decode(), err.decode())
            if wrong:
                results.complain(point, wrong)
    if stopped:
        look_afterwards(site, point, results)
    return stopped is not None


def watch(site, point, results):
    changer = None
    if point.change:
        changer = threading.Thread(target=look_at_change, args=(site, point, results))
        changer.start()
        time.sleep(0.05)
    possible = look_at_logins(site, point, results)
    with results.lock:
        entry = results.possible[point.holder.name]
        entry[0] += possible
        entry[1] += 1
        results.counts[point.how] += 1
    if changer is not None:
        changer.join()


def finish(point, tracer, freezer, pid, left):
    """Lets it go on, or kills it. Whether it then ends."""
    try:
        if point.end == "k":
            os.kill(pid, 9)
        elif point.how == "stopped":
            os.kill(pid, 18)
    except ProcessLookupError:
        pass
    freezer.end()
    if not left:
        tracer.command(point.end)
    end = time.monotonic() + CHANGE_S
    while state_of(pid) not in ("gone", "Z"):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def count_calls(site, holder):
    """After how many calls each of them can be stopped."""
    site.restore()
    command, given = holder.begin(site)
    if not holder.in_patd:
        tracer = Tracer(-1, command, given=given, part="/pat")
        words = tracer.reports.readline().split()
    else:
        tracer = Tracer(-1, pid=site.patd.pid)
        run(command, given)
        words = tracer.reports.readline().split()
    tracer.end()
    return int(words[1]) if words[:1] == ["ended"] else 0


def numbers(count):
    """The calls to stop at: all, but of a walk through the whole store only some of its reads."""
    edge = 100
    if count <= 4 * edge:
        return list(range(count))
    return [*range(edge), *range(edge, count - edge, (count - 2 * edge) // edge), *range(count - edge, count)]


def choose(counts, seed, long):
    """The points to visit: all of them in some order, and then None, which is the end if the time is over. A
    mint may take its 10 s; where there is little time, there is none."""
    draw = random.Random(seed)
    every = [(holder, number) for holder in HOLDERS for number in numbers(counts[holder.name])]
    while True:
        draw.shuffle(every)
        for holder, number in every:
            yield Point(holder, number, draw.choice(HOWS), draw.choice(ENDS),
                        long and draw.random() < 0.15)
        yield None


def work(site, points, results, enough, at_most):
    while time.monotonic() < at_most:
        try:
            point = points.get_nowait()
        except queue.Empty:
            return
        if point is None:
            if time.monotonic() > enough:
                return
            continue
        try:
            visit(site, point, results)
        except Exception as error:  # pylint: disable=broad-except
            results.complain(point, f"the test itself failed: {error!r}")


class Drawn(queue.Queue):
    """Points as they are chosen, one at a time."""

    def __init__(self, points):
        super().__init__()
        self.points, self.guard = points, threading.Lock()

    def get_nowait(self):
        with self.guard:
            try:
                return next(self.points)
            except StopIteration:
                raise queue.Empty from None


def main():
    seconds, at_most, seed, *only = sys.argv[1:]
    with open(f"{os.environ['W']}/short.conf", "w", encoding="ascii") as file:
        file.write("keep_revoked = 1s\n")
    with open("/etc/security/pat.conf", "w", encoding="ascii") as file:
        file.write("max_tokens = 1000\n")
    count = min(SITES, len(only)) if only else SITES
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        sites = list(pool.map(Site, range(count)))
    results = Results()
    counts = {}
    if only:
        chosen = iter([Point(BY_NAME[what], int(number), how, end, change == "1") for what, number, how, end, change
                       in (word.split(":") for word in only)])
    else:
        for holder in HOLDERS:
            counts[holder.name] = count_calls(sites[0], holder)
            if counts[holder.name] < 10:
                results.complain(holder.name, f"only {counts[holder.name]} system calls were seen")
        chosen = choose(counts, seed, float(at_most) > 10)
    began = time.monotonic()
    enough, at_most = began + float(seconds), began + float(at_most)
    points = Drawn(chosen)
    threads = [threading.Thread(target=work, args=(site, points, results, enough, at_most)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for site in sites:
        site.stop()
    report(results, counts)


def report(results, counts):
    points = sum(entry[1] for entry in results.possible.values())
    possible = sum(entry[0] for entry in results.possible.values())
    print(f"# figure: {points} stops of {sum(len(numbers(n)) for n in counts.values())} points ({results.counts['held']} traced, "
          f"{results.counts['stopped']} by SIGSTOP, {results.counts['frozen']} frozen): "
          f"logins went on at {possible}, were refused in time at {points - possible}")
    for name, (good, all_of) in sorted(results.possible.items()):
        print(f"# figure: {name} stopped: logins went on at {good} of {all_of} points")
    print(f"# figure: slowest login {results.slowest['login']:.2f} s, slowest mint "
          f"{results.slowest['change']:.2f} s; {results.counts['changes made']} of "
          f"{results.counts['changes tried']} mints were made meanwhile; {results.wrong} promises broken")


if __name__ == "__main__":
    main()
