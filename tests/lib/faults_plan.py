# SPDX-License-Identifier: ISC
"""What the drivers of failing programs share: the plan of who fails, programs that are run, tokens, the log."""

import errno
import itertools
import json
import mmap
import os
import socket
import struct
import subprocess
import time

STORE_DIR = "/var/lib/pat"
STORE = STORE_DIR + "/tokens.tdb"
LOADER, DESCENDANTS, MODULE_ONLY = 1, 2, 4
MEMORY, CALLS, EVERYTHING = 1, 30, 31
LONGEST = 15  # seconds that nothing takes, unless it hangs


class Plan:
    """struct plan of fail.c."""
    FIELDS = ("armed", "who", "mask", "nth", "way", "forever", "seen", "fired", "ways", "error", "fds")

    def __init__(self, path):
        self.path = path
        with open(path, "r+b" if os.path.exists(path) else "w+b") as file:
            file.truncate(4096)
            self.map = mmap.mmap(file.fileno(), 4096)

    def __getattr__(self, name):
        return struct.unpack_from("=I", self.map, 4 * self.FIELDS.index(name))[0]

    def set(self, **fields):
        for name, value in fields.items():
            struct.pack_into("=I", self.map, 4 * self.FIELDS.index(name), value)

    @property
    def what(self):
        return self.map[44:76].split(b"\0")[0].decode()

    def arm(self, who, mask, nth, way, forever):
        self.set(armed=0, who=who, mask=mask, nth=nth, way=way, forever=forever,
                 seen=0, fired=0, ways=0, error=0, fds=0)
        self.map[44:76] = bytes(32)
        self.set(armed=1)

    def disarm(self):
        self.set(armed=0)


class Ran:
    """What a program said and how it ended; status 124 if it had to be ended."""

    def __init__(self, command, given="", env=None, **options):
        self.command = command
        try:
            done = subprocess.run(command, input=given.encode(), capture_output=True, timeout=LONGEST,
                                  env={**os.environ, **(env or {})}, check=False, **options)
            self.status, self.out, self.err = done.returncode, done.stdout.decode(), done.stderr.decode()
        except subprocess.TimeoutExpired:
            self.status, self.out, self.err = 124, "", ""

    def __str__(self):
        said = (self.out + self.err).strip().replace("\n", " / ")
        return f"{' '.join(self.command[:6])}: status {self.status}: {said[:300]}"


def must(command, given=""):
    ran = Ran(command, given)
    if ran.status != 0:
        raise SystemExit(f"without any fault: {ran}")
    return ran.out


def patctl(*arguments, env=None, given=""):
    return Ran(["patctl", *arguments, "--user", "alice"], given, env)


def tokens():
    """The tokens of alice's as they are, without how often they were used."""
    entries = json.loads(must(["patctl", "list", "--all", "--json", "--user", "alice"]))
    return {entry["name"] + "/" + entry["status"]:
            (entry["services"], entry["expires_at"] is None, entry["max_uses"]) for entry in entries}


def uses(name):
    entries = json.loads(must(["patctl", "list", "--all", "--json", "--user", "alice"]))
    return sum(entry["uses"] for entry in entries if entry["name"] == name)


class Keep:
    """A store, to begin from again and again."""

    def __init__(self):
        with open(STORE, "rb") as file:
            self.data = file.read()

    def restore(self):
        for name in os.listdir(STORE_DIR):
            if name != "tokens.tdb.lock":
                os.unlink(os.path.join(STORE_DIR, name))
        fd = os.open(STORE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, self.data)
        os.close(fd)


MARKS = itertools.count()


def log_size():
    """Where the log ends when all is in it that was sent so far: a line takes a moment to come, and is not to be
    taken for one of what is done next."""
    mark = f"mark {os.getpid()}.{next(MARKS)} end"
    before = os.path.getsize(os.environ["LOG"])
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.sendto(f"<13>{mark}".encode(), "/dev/log")
    log_since(before, mark)
    return os.path.getsize(os.environ["LOG"])


def log_since(size, wanted=None):
    """What was logged since; waits a moment for a line that has to come."""
    end = time.monotonic() + 2
    while True:
        with open(os.environ["LOG"], "rb") as file:
            file.seek(size)
            text = file.read().decode(errors="replace")
        if wanted is None or wanted in text or time.monotonic() > end:
            return text
        time.sleep(0.005)


# What no message may be made of.
SENSELESS = ("Success", "unknown error", "Unknown error", "(null)", "No error information", "no error")


def senseless(message, program):
    """What is wrong with what somebody is told of a failure, or ''."""
    lines = message.strip().splitlines()
    # What was done before it failed may have been told of.
    while len(lines) > 1 and not lines[0].startswith(program + ": "):
        del lines[0]
    if not lines:
        return "no message at all"
    if not lines[0].startswith(program + ": ") or len(lines[0]) < len(program) + 8:
        return f"a message without sense: {lines[0]!r}"
    if lines[-1].endswith(":") and len(lines) == 1:
        return f"a message that breaks off: {lines[0]!r}"
    for word in SENSELESS:
        if word in message:
            return f"a message that says {word!r}: {lines[0]!r}"
    return ""


# A disk that fails so says so.
TELLING = {errno.ENOSPC: "No space left on device", errno.EDQUOT: "quota exceeded",
           errno.EROFS: "Read-only file system"}
