#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A patd that is root's, and not in order.

false_patd.py SOCKET WHAT: takes questions, prints a line for each that it read, and

endless    accepts, with a name that does not end
short      accepts, in a message that is a byte too short
long       accepts, in one that is a byte too long
cut        accepts, in one of which the kernel gives the module no more than it wanted
other      answers what is neither yes nor no
hangs-up   says nothing
"""

import os
import socket
import struct
import sys

REPLY = struct.Struct("=IIq401s7x")
MAGIC, ACCEPTED = 0x32544150, 1


def main():
    path, what = sys.argv[1:]
    good = REPLY.pack(MAGIC, ACCEPTED, 0, b"")
    reply = {
        "endless": REPLY.pack(MAGIC, ACCEPTED, 0, b"x" * 401),
        "short": good[:-1],
        "long": good + b"\0",
        "cut": good * 2,
        "other": REPLY.pack(MAGIC, 77, 0, b""),
        "hangs-up": None,
        "good": good,
    }[what]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.recv(4096)
        print("asked", flush=True)
        if reply is not None:
            connection.send(reply)
        connection.close()


main()
