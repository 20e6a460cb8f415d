# SPDX-License-Identifier: ISC
"""What the drivers that stop processes share: the tracer, the freezer, and stores with all that belongs to them."""

import os
import random
import subprocess
import threading
import time


def run(command, given="", seconds=40):
    """Status (124: it hung), output, messages, seconds."""
    began = time.monotonic()
    try:
        done = subprocess.run(command, input=given.encode(), capture_output=True, timeout=seconds, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode(), time.monotonic() - began
    except subprocess.TimeoutExpired:
        return 124, "", "", time.monotonic() - began


class Freezer:
    """A control group to put one process into and stop it with all that it does, if there are any."""
    lock = threading.Lock()
    count = 0

    def __init__(self):
        self.base = None
        with open("/proc/self/mounts", encoding="ascii") as file:
            for line in file:
                _, where, kind, *_ = line.split()
                if kind == "cgroup2" and os.access(where, os.W_OK):
                    self.base = where
        self.own = None

    def freeze(self, pid):
        """True if it could be done; it is frozen as soon as it runs again."""
        if self.base is None:
            return False
        with Freezer.lock:
            Freezer.count += 1
            self.own = f"{self.base}/pat-{os.getpid()}-{random.getrandbits(32)}-{Freezer.count}"
        try:
            os.mkdir(self.own)
            self.put("cgroup.procs", pid)
            self.put("cgroup.freeze", 1)
            return True
        except OSError:
            self.end()
            return False

    def put(self, name, value):
        with open(f"{self.own}/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def end(self):
        if self.own is None:
            return
        try:
            self.put("cgroup.freeze", 0)
            with open(f"{self.own}/cgroup.procs", encoding="ascii") as file:
                rest = file.read().split()
            for pid in rest:
                with open(f"{self.base}/cgroup.procs", "w", encoding="ascii") as group:
                    group.write(pid)
        except OSError:
            pass
        for _ in range(100):
            try:
                os.rmdir(self.own)
                break
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)
        self.own = None


class Tracer:
    """tests/torture/stopped, at work."""

    def __init__(self, number, command=None, pid=None, given="", part=None, call=None):
        mine_in, its_out = os.pipe()
        its_in, self.control = os.pipe()
        line = [os.environ["STOPPED"], "-n", str(number), "-r", str(its_in), "-w", str(its_out)]
        line += ["-f", part] if part else []
        line += ["-c", str(call)] if call is not None else []
        line += ["-p", str(pid)] if pid else command
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, pass_fds=(its_in, its_out))
        os.close(its_in)
        os.close(its_out)
        self.reports = os.fdopen(mine_in)
        if given:
            self.process.stdin.write(given.encode())
        self.process.stdin.close()
        if pid and self.reports.readline() != "ready\n":
            raise SystemExit("stopped.py: cannot trace patd")

    def wait(self):
        """(pid, call), or None when it came to its end before."""
        words = self.reports.readline().split()
        return (int(words[1]), int(words[2])) if words[:1] == ["stopped"] else None

    def command(self, letter):
        os.write(self.control, letter.encode())
        if letter == "s":
            self.reports.readline()

    def end(self):
        os.close(self.control)
        self.process.wait()
        self.reports.close()
        self.process.stdout.close()


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "gone"


class Site:
    """A store, its patd, and who logs in there."""

    def __init__(self, number):
        self.name = f"site{number}"
        self.dir = f"{os.environ['W']}/{self.name}"
        self.store = f"{self.dir}/pat/tokens.tdb"
        self.run_dir = f"{self.dir}/run"
        self.socket = f"{self.run_dir}/io.pampat.Tokens"
        os.makedirs(f"{self.dir}/pat", mode=0o700)
        os.chmod(self.dir, 0o755)
        verify = f"socket={self.run_dir}/verify"
        for suffix, store in (("", self.store), ("-r", "/run/none/none")):
            with open(f"/etc/pam.d/{self.name}{suffix}", "w", encoding="ascii") as file:
                file.write(f"auth required {os.environ['MODULE']} store={store} {verify}\n"
                           "account required pam_permit.so\nsession required pam_permit.so\n")
        self.patd = subprocess.Popen(["patd", "--no-spare", "--listen", self.run_dir, "--store", self.store],
                                     stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while run(self.patctl("list"))[0] == 6 and time.monotonic() < end:
            time.sleep(0.02)
        self.serial = 0
        self.good = self.mint("good")
        self.counted = self.mint("counted", "--uses", "1000000")
        self.other = self.mint("other", user="bob")
        with open(self.store, "rb") as file:
            self.base = file.read()

    def restore(self):
        """As it began: so many tokens take so many system calls."""
        with open(self.store + ".base", "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(self.base)
        os.rename(self.store + ".base", self.store)
        if os.path.exists(self.store + ".new"):
            os.unlink(self.store + ".new")

    def patctl(self, *arguments, user="alice"):
        return ["patctl", *arguments, "--socket", self.socket, "--user", user]

    def mint(self, name, *more, user="alice"):
        services = f"{self.name},{self.name}-r"
        status, out, err, _ = run(self.patctl("create", name, "--service", services, *more, user=user))
        if status != 0:
            raise SystemExit(f"{self.name}: no token: {err}")
        return out

    def login(self, token, user="alice", remote=False):
        """What the module answered, and after how long."""
        service = self.name + ("-r" if remote else "")
        _, out, _, took = run([os.environ["DRIVE"], service, user], token)
        answer = [word[5:] for word in out.split() if word.startswith("auth=")]
        return (answer or ["none"])[0], took

    def mint_new(self):
        self.serial += 1
        return run(self.patctl("create", f"new {self.serial}", "--service", self.name))

    def stop(self):
        self.patd.kill()
        self.patd.wait()
