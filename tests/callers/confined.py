#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Tries, from inside of a unit, what patd.service forbids and what it allows; prints what came of it."""

import ctypes
import errno
import os
import socket


def tell(what, attempt):
    try:
        attempt()
        print(what, "done")
    except OSError as error:
        print(what, errno.errorcode[error.errno])


libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER = 0x10000000


def user_namespace():
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")


def executable_memory():
    libc.mmap.restype = ctypes.c_void_p
    if libc.mmap(None, ctypes.c_size_t(4096), 7, 0x22, -1, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")


def write(path):
    with open(path, "w", encoding="ascii"):
        pass
    os.unlink(path)


# Each would succeed for root outside, even without a capability.
tell("store", lambda: write("/var/lib/pat/probe"))
tell("etc", lambda: write("/etc/probe"))
tell("var", lambda: write("/var/probe"))
tell("home", lambda: os.stat("/home/alice"))
tell("internet", lambda: socket.socket(socket.AF_INET))
tell("unix", lambda: socket.socket(socket.AF_UNIX))
tell("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
tell("nice", lambda: os.nice(1))
tell("setuid", lambda: os.setuid(0))
tell("chown", lambda: os.chown("/var/lib/pat", 0, 0))
tell("set-user-id", lambda: os.chmod("/var/lib/pat", 0o4700))
tell("memory", executable_memory)
tell("namespace", user_namespace)
