#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A user who stops, kills or starves their own su, sudo and patctl, and who it must not harm.

starved.py stops SECONDS SEED    stops them after each system call of theirs, in an order that SEED draws, as long as
                                 there is time, and lets them go on or kills them
starved.py crowd COUNT           so many su at once, each stopped where it has just reached patd
starved.py odd SECONDS SEED      gives them limits, environments, descriptors and signals that they
                                 cannot be at home in: all, or as many as there is time for

Prints a line for each promise that was not kept, and lines `# figure: ...`. What it needs stands in the
environment: STOPPED (the tracer), DRIVE, ALICES (alice's), TOKEN (alice's, for sudo), BOBS (bob's, for su and
the service `probe`), FORGED (nobody's), PATD_PID, W.
"""

import ctypes
import os
import pwd
import random
import resource
import signal
import subprocess
import sys
import time

from stopped_site import Tracer, run, state_of

ALICE = pwd.getpwnam("alice")
IN_TIME = 3.5
LONGEST = 30
SYS_CONNECT = 42 if os.uname().machine == "x86_64" else 203


def asked(program):
    """The command, and what is typed."""
    return {
        "su": (["su", "bob", "-c", "id -un"], os.environ["BOBS"]),
        "sudo": (["sudo", "-k", "-S", "-p", "", "id", "-un"], os.environ["TOKEN"]),
        "create": (["patctl", "create", f"made {time.monotonic_ns()}", "--password-stdin", "-e", "1h"],
                   os.environ["ALICES"]),
        "list": (["patctl", "list"], ""),
        "verify": (["patctl", "verify"], os.environ["TOKEN"]),
        "revoke": (["patctl", "revoke", "--token-stdin"], os.environ["FORGED"]),
    }[program]


class Others:
    """Those who must not notice."""

    def __init__(self):
        self.serial = 0
        self.slowest = 0.0
        self.wrong = 0
        self.begun = False

    def complain(self, where, what):
        self.wrong += 1
        if self.wrong <= 40:
            print(f"{where}: {what}", flush=True)

    def timed(self, where, what, command, given, good):
        status, out, err, took = run(command, given)
        self.slowest = max(self.slowest, took)
        if not good(status, out) or took > IN_TIME:
            self.complain(where, f"{what}: status {status} after {took:.1f} s: {(out + err)[-300:]!r}")

    def look(self, where):
        """A login by itself, one through patd, a mint and a revocation, each at once."""
        drive = os.environ["DRIVE"]
        for service in ("probe", "remote"):
            self.timed(where, f"bob's login ({service})", [drive, service, "bob"], os.environ["BOBS"] + "\n",
                       lambda status, out: "auth=success" in out)
        self.serial += 1
        name = f"other {os.getpid()} {self.serial}"
        done = lambda status, out: status == 0
        self.timed(where, "a mint", ["patctl", "create", name, "--user", "carol"], "", done)
        self.timed(where, "a revocation", ["patctl", "revoke", name, "--user", "carol"], "", done)

    def check(self, where):
        status, out, err, _ = run(["patstore", "check"])
        if status != 0:
            self.complain(where, f"the store is not sound: {out or err!r}")
        left = set(os.listdir("/var/lib/pat")) - {"tokens.tdb", "tokens.tdb.lock"}
        if left:
            self.complain(where, f"left in the directory of the store: {left}")
        for name in ("tokens.tdb", "tokens.tdb.lock"):
            st = os.stat("/var/lib/pat/" + name)
            if st.st_uid != 0 or st.st_mode & 0o777 != 0o600:
                self.complain(where, f"{name} is of {st.st_uid}, mode {st.st_mode & 0o777:o}")


AS_ALICE = ["setpriv", "--reuid=alice", f"--regid={ALICE.pw_gid}", "--init-groups", "--reset-env", "--"]
# Where each of them begins to be of interest.
FROM = {"su": "/etc/pam.d", "sudo": "/etc/pam.d", "create": "", "verify": "", "list": ""}


def trace(program, number, call=None):
    command, given = asked(program)
    return Tracer(number, AS_ALICE + command, given=given + "\n", part=FROM[program], call=call)


def count(program, call=None):
    tracer = trace(program, -1, call)
    words = tracer.reports.readline().split()
    tracer.end()
    return int(words[1])


def stop_once(others, program, number, how, end):
    where = f"{program}:{number}:{how}:{end}"
    tracer = trace(program, number)
    stopped = tracer.wait()
    if stopped:
        if how == "stopped":
            tracer.command("s")
        others.look(where)
        if how == "held":
            tracer.command(end)
        elif state_of(stopped[0]) in ("T", "t"):
            os.kill(stopped[0], signal.SIGKILL if end == "k" else signal.SIGCONT)
    tracer.end()
    return stopped is not None


def stops(seconds, seed):
    others, draw = Others(), random.Random(seed)
    seconds = float(seconds)
    counts = {program: count(program) for program in FROM}
    done = 0
    for program, calls in counts.items():
        if calls < 20:
            others.complain(program, f"only {calls} system calls were seen")
    until = time.monotonic() + seconds
    every = [(program, number) for program, calls in counts.items() for number in range(calls)]
    draw.shuffle(every)
    for program, number in every:
        if time.monotonic() > until:
            break
        done += stop_once(others, program, number, draw.choice(("held", "stopped")), draw.choice("gk"))
    others.check("stops")
    print(f"# figure: {done} stops of {sum(counts.values())} points of su, sudo and patctl; the slowest of the "
          f"others took {others.slowest:.2f} s; {others.wrong} promises broken")


def waits(pid):
    """Whether that child of patd waits for the next question."""
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read() == "patd-spare\n"


def crowd(number):
    """Each has a connection to patd as root has it, and says nothing on it."""
    others, connections = Others(), count("su", SYS_CONNECT)
    if connections == 0:
        others.complain("crowd", "su was never seen to connect to anything")
    # To patd, and, before and behind it, to the log.
    tracers = [trace("su", i % max(connections, 1), SYS_CONNECT) for i in range(int(number))]
    stopped = sum(tracer.wait() is not None for tracer in tracers)
    for _ in range(3):
        others.look(f"{number} su stopped")
        time.sleep(1)
    # Who says nothing is not waited for.
    with open(f"/proc/{os.environ['PATD_PID']}/task/{os.environ['PATD_PID']}/children", encoding="ascii") as file:
        served = sum(not waits(child) for child in file.read().split())
    if served:
        others.complain("crowd", f"{served} children of patd still wait for a su that is stopped")
    for tracer in tracers:
        tracer.command("k")
        tracer.end()
    others.look("all of them killed")
    others.check("crowd")
    print(f"# figure: {stopped} su stopped at once: the slowest of the others took {others.slowest:.2f} s")


# ---- what they are given ----

libc = ctypes.CDLL(None, use_errno=True)


def limit(which, value):
    def give():
        _, hard = resource.getrlimit(which)
        resource.setrlimit(which, (value, value if hard == resource.RLIM_INFINITY else min(value, hard)))
    return give


def closed(which):
    def give():
        for fd in range(3):
            if which & 1 << fd:
                os.close(fd)
    return give


def descriptors(number):
    def give():
        resource.setrlimit(resource.RLIMIT_NOFILE, (number + 64, number + 64))
        null = os.open("/dev/null", os.O_RDWR)
        os.set_inheritable(null, True)
        try:
            for fd in range(100, number):
                libc.dup2(null, fd)
        except OSError:
            pass
    return give


def blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))


def ignored():
    for number in range(1, 65):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_IGN)


def nowhere():
    gone = f"/tmp/gone-{os.getpid()}"
    os.mkdir(gone)
    os.chdir(gone)
    os.rmdir(gone)


def pending():
    blocked()
    for number in (signal.SIGALRM, signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD):
        os.kill(os.getpid(), number)


def alarmed():
    signal.setitimer(signal.ITIMER_REAL, 0.004, 0.004)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)


def nothing():
    pass


def odd_limits():
    wanted = {
        "NOFILE": (0, 1, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24),
        "FSIZE": (0, 1, 512, 4096, 100000, 2000000),
        "AS": (1 << 20, 4 << 20, 8 << 20, 12 << 20, 16 << 20, 24 << 20, 48 << 20),
        "DATA": (0, 4096, 100000, 400000, 1 << 20, 4 << 20),
        "STACK": (0, 4096, 16384, 65536, 262144),
        "NPROC": (0, 1, 2), "CPU": (0, 1), "MEMLOCK": (0, 1), "SIGPENDING": (0, 1), "MSGQUEUE": (0,),
        "CORE": (0, resource.RLIM_INFINITY), "RTPRIO": (0,), "NICE": (0,),
    }
    for name, values in wanted.items():
        for value in values:
            yield f"RLIMIT_{name}={value}", limit(getattr(resource, "RLIMIT_" + name), value), {}


VARIABLES = {
    "TDB_NO_FSYNC": "1", "LD_PRELOAD": "/tmp/none.so", "LD_LIBRARY_PATH": "/tmp", "LD_AUDIT": "/tmp/none.so",
    "LD_DEBUG": "all", "LD_DEBUG_OUTPUT": "/tmp/debug", "LD_BIND_NOT": "1", "LD_PROFILE": "libtdb.so.1",
    "LD_TRACE_LOADED_OBJECTS": "1", "MALLOC_PERTURB_": "165", "MALLOC_CHECK_": "3", "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRACE": "/tmp/trace", "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0",
    "TMPDIR": "/none", "LC_ALL": "../../../tmp/evil", "LANG": "xx_YY.ISO-2022-JP", "LANGUAGE": "a:b:c",
    "LOCPATH": "/tmp", "NLSPATH": "/tmp/%N", "GCONV_PATH": "/tmp", "CHARSET": "nothing", "TZ": ":/etc/shadow",
    "HOSTALIASES": "/etc/shadow", "RES_OPTIONS": "debug", "RESOLV_HOST_CONF": "/etc/shadow", "HOME": "/none",
    "PATH": "", "IFS": "/", "TERM": "../../etc/passwd", "TERMINFO": "/tmp", "COLUMNS": "-1", "LINES": "99999999999",
    "PAM_PAT_ID": "AAAAAAAA", "LISTEN_FDS": "2", "LISTEN_PID": "1", "NOTIFY_SOCKET": "/run/none",
    "SUDO_USER": "root", "SUDO_UID": "0", "SUDO_ASKPASS": "/bin/false", "SYSTEMD_LOG_LEVEL": "debug",
    "POSIXLY_CORRECT": "1", "GETCONF_DIR": "/tmp", "LIBSMARTCOLS_DEBUG": "all", "LIBSMARTCOLS_DEBUG_PADDING": "on",
}


def odd_variables():
    for name, value in VARIABLES.items():
        yield f"{name}={value}", nothing, {name: value}
    yield "all of them", nothing, {name: value for name, value in VARIABLES.items()
                                   if name != "LD_TRACE_LOADED_OBJECTS"}
    yield "100000 variables", limit(resource.RLIMIT_STACK, 64 << 20), {f"V{i}": "x" for i in range(100000)}
    yield "a long variable", nothing, {"LONG": "x" * 131000}
    yield "a long LC_ALL", nothing, {"LC_ALL": "x" * 100000}


def odd_states(long):
    for which in range(1, 8):
        yield f"closed: {[fd for fd in range(3) if which & 1 << fd]}", closed(which), {}
    for number in (1024, 4096, 1000000) if long else (1024, 4096):
        yield f"{number} descriptors open", descriptors(number), {}
    yield "all signals blocked", blocked, {}
    yield "all signals ignored", ignored, {}
    yield "signals pending", pending, {}
    yield "an alarm every 4 ms", alarmed, {}
    yield "a directory that is gone", nowhere, {}
    yield "umask 0777", lambda: os.umask(0o777), {}
    yield "umask 0", lambda: os.umask(0), {}
    yield "nice 19", lambda: os.nice(19), {}
    yield "SCHED_IDLE", lambda: os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)), {}


# Those in which each of them works all the same, if it does without.
HARMLESS = ("TDB_NO_FSYNC=1", "umask 0777", "umask 0", "nice 19", "SCHED_IDLE", "a directory that is gone",
            "100000 variables", "1024 descriptors open", "4096 descriptors open", "1000000 descriptors open",
            "all signals ignored", "RLIMIT_CORE=0", "RLIMIT_MEMLOCK=0", "RLIMIT_SIGPENDING=0", "PAM_PAT_ID=AAAAAAAA",
            "LC_ALL=../../../tmp/evil", "GCONV_PATH=/tmp", "TMPDIR=/none", "a long variable")
# su and sudo themselves have been seen to go without: not ours.
NOT_OURS = {("sudo", "all signals ignored"), ("su", "all signals ignored")}


def start(program, give, variables, given):
    def before():
        give()
        os.setresgid(ALICE.pw_gid, ALICE.pw_gid, ALICE.pw_gid)
        os.setresuid(ALICE.pw_uid, ALICE.pw_uid, ALICE.pw_uid)

    command, typed = asked(program)
    command[0] = {"su": "/usr/bin/su", "sudo": "/usr/bin/sudo"}.get(program, "/usr/bin/patctl")
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/home/alice", **variables}
    os.setgroups([])
    # What has no standard input cannot be typed to.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=before, env=environment, close_fds=False)
    try:
        out, err = process.communicate((given or typed).encode() + b"\n", timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return 124, "", ""
    except (BrokenPipeError, OSError):
        process.kill()
        out, err = process.communicate()
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def try_odd(others, program, name, give, variables):
    where = f"{program}, {name}"
    try:
        status, out, err = start(program, give, variables, "")
    except (subprocess.SubprocessError, OSError):
        # It could not even be started so.
        return 0
    if status == 124:
        others.complain(where, "hung")
    if name in HARMLESS and status != 0 and (program, name) not in NOT_OURS and program != "revoke":
        others.complain(where, f"status {status}: {(out + err)[-300:]!r}")
    if program in ("su", "sudo"):
        try:
            status, out, err = start(program, give, variables, os.environ["FORGED"])
        except (subprocess.SubprocessError, OSError):
            return 1
        if status == 0 or "bob" in out.split() or "root" in out.split():
            others.complain(where, f"a forged token: status {status}, {out!r}")
    return 1


def odd(seconds, seed):
    others, draw = Others(), random.Random(seed)
    seconds = float(seconds)
    until = time.monotonic() + seconds
    states = [*odd_limits(), *odd_variables(), *odd_states(seconds > 20)]
    every = [(program, *state) for program in ("su", "sudo", "create", "list", "verify", "revoke")
             for state in states]
    draw.shuffle(every)
    tried = ran = 0
    for program, name, give, variables in every:
        if time.monotonic() > until:
            break
        ran += try_odd(others, program, name, give, variables)
        tried += 1
        others.look(f"after {program}, {name}")
        if tried % 20 == 0:
            others.check(f"after {program}, {name}")
            # What alice made in the meantime is not to fill her number of tokens.
            run(AS_ALICE + ["patctl", "revoke", "--all"])
            os.environ["TOKEN"] = run(["patctl", "create", f"sudo {tried}", "--user", "alice", "--service",
                                       "sudo"])[1].strip()
    others.check("in the end")
    print(f"# figure: {tried} of {len(every)} odd ways to start su, sudo and patctl ({ran} could be started); the "
          f"slowest of the others took {others.slowest:.2f} s; {others.wrong} promises broken")


if __name__ == "__main__":
    {"stops": stops, "crowd": crowd, "odd": odd}[sys.argv[1]](*sys.argv[2:])
