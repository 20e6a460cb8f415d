# SPDX-License-Identifier: ISC
"""What stays in memory."""

import subprocess
import time

import peers
import section_list
import sshd

TITLE = "Memory"


def family(pid):
    """It, its children, and theirs."""
    return [pid, *(one for child in section_list.children_of(pid) for one in family(child))]


def patd_idle(bench):
    """KiB of private memory of a patd that has verified and listed, and of all that wait for the next clients."""
    patd = subprocess.run(["pgrep", "-o", "-x", "patd"], capture_output=True, text=True, check=True).stdout.strip()
    bench.run("setpriv", "--ruid=alice", *bench.loop_command("pat", peers.USER, count=2),
              given=bench.token(peers.USER, "--service", "pat") + "\n")
    bench.run("patctl", "list")
    time.sleep(0.5)
    return sum(sshd.private_kib(pid) for pid in family(patd))


def run(bench):
    service = peers.pat(bench)
    permit = peers.permit(bench)
    bench.row("patd idle, private, with all that wait for clients", [patd_idle(bench) for _ in range(3)],
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
