# SPDX-License-Identifier: ISC
"""What stays in memory."""

import subprocess
import time

import peers
import sshd

TITLE = "Memory"


def patd_idle(bench):
    """KiB of private memory of a patd that has verified, and of the child that waits for the next question."""
    patd = subprocess.run(["pgrep", "-o", "-x", "patd"], capture_output=True, text=True, check=True).stdout.strip()
    bench.run("setpriv", "--ruid=alice", *bench.loop_command("pat", peers.USER, count=2),
              given=bench.token(peers.USER, "--service", "pat") + "\n")
    time.sleep(0.5)
    with open(f"/proc/{patd}/task/{patd}/children", encoding="ascii") as children:
        return sum(sshd.private_kib(pid) for pid in [patd, *children.read().split()])


def run(bench):
    service = peers.pat(bench)
    permit = peers.permit(bench)
    bench.row("patd idle, private, with the child that waits", [patd_idle(bench) for _ in range(3)],
              limit=("<=", 3072), unit="KiB")
    grown = [float(bench.run(bench.driver("grown"), "-c", "/etc/bench.d", permit.service, service.service, peers.USER,
                             given=service.secrets + "\n")) for _ in range(5)]
    bench.row("a process of libpam's after a verification", grown, limit=("<=", 100), unit="KiB")
    token = bench.token(peers.USER, "--service", "sshd")
    server = sshd.Sshd(bench, 2203)
    secrets = {"token": token, "password": peers.PASSWORD}
    samples = bench.interleave({name: lambda secret=secret: server.private_of_monitor(peers.USER, secret)
                                for name, secret in secrets.items()}, rounds=5)
    server.end()
    bench.row("sshd's process of root's, in a session by token", samples["token"], samples["password"], unit="KiB",
              name="by password")
