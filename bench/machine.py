# SPDX-License-Identifier: ISC
"""What machine it is, without its name and its paths."""

import os
import platform
import subprocess

STORE_DIR = "/var/lib/pat"
PACKAGES = ["libpam0g", "libtdb1", "libsodium23", "libc6", "openssh-server", "sudo", "libpam-modules",
            "libpam-pwdfile", "libpam-google-authenticator", "libpam-oath", "db-util"]


def cpu():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def virtual():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        return ", virtual" if " hypervisor" in info.read() else ""


def file_system():
    said = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "--target", STORE_DIR], capture_output=True,
                          text=True, check=False)
    return said.stdout.strip() or "unknown"


def version(package):
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True,
                          check=False)
    return said.stdout.strip() if said.returncode == 0 else None


def system():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def describe():
    """Lines of Markdown."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    versions = [f"{name} {version(name)}" for name in PACKAGES if version(name)]
    return [
        f"- {cpu()}, {os.cpu_count()} cores{virtual()}, {memory:.0f} GiB",
        f"- {system()}, Linux {platform.release()}, the stores on {file_system()}",
        f"- {', '.join(versions)}",
    ]
