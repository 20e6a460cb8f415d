# SPDX-License-Identifier: ISC
"""An sshd of our own, on the loopback of the world, and logins to it."""

import os
import re
import socket
import subprocess
import sys
import time

DIR = "/run/bench-ssh"
OPTIONS = ["-F", "none", "-o", f"UserKnownHostsFile={DIR}/known_hosts", "-o", "StrictHostKeyChecking=yes",
           "-o", "LogLevel=ERROR", "-o", "NumberOfPasswordPrompts=1", "-o", "PubkeyAuthentication=no",
           "-o", "PreferredAuthentications=password"]


class Sshd:
    def __init__(self, bench, port):
        self.bench, self.port = bench, port
        os.makedirs(DIR, exist_ok=True)
        key, config = f"{DIR}/host", f"{DIR}/config.{port}"
        if not os.path.exists(key):
            bench.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        with open(f"{key}.pub", encoding="ascii") as public, \
                open(f"{DIR}/known_hosts", "a", encoding="ascii") as known:
            known.write(f"[127.0.0.1]:{port} {' '.join(public.read().split()[:2])}\n")
        with open(config, "w", encoding="ascii") as out:
            out.write(f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\nUsePAM yes\n"
                      "PasswordAuthentication yes\nPrintMotd no\nMaxStartups 100\n")
        self.process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", config], stderr=subprocess.DEVNULL)
        self.wait_until_it_listens()

    def wait_until_it_listens(self):
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.01)
        sys.exit("sshd does not listen")

    def command(self, user, *command):
        return ["sshpass", "-d", "0", "ssh", *OPTIONS, "-p", str(self.port), f"{user}@127.0.0.1", *command]

    def log_in(self, user, secret):
        """A whole login with a command that does nothing: microseconds."""
        began = time.monotonic()
        self.bench.run(*self.command(user, "true"), given=secret + "\n")
        return (time.monotonic() - began) * 1e6

    def private_of_monitor(self, user, secret):
        """KiB of private memory of the process of root's that serves a session."""
        session = subprocess.Popen(self.command(user, "echo in; exec cat"), stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        session.stdin.write(secret + "\n")
        session.stdin.flush()
        if session.stdout.readline() != "in\n":
            sys.exit("no session")
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as children:
            monitor, = children.read().split()
        private = private_kib(monitor)
        session.stdin.close()
        session.wait()
        while os.path.exists(f"/proc/{monitor}"):
            time.sleep(0.01)
        return private

    def end(self):
        """Seconds of CPU that it and all its sessions took."""
        self.process.terminate()
        _, _, used = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return used.ru_utime + used.ru_stime


def private_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return sum(int(kib) for kib in re.findall(r"^Private_\w+: +(\d+) kB", rollup.read(), re.MULTILINE))
