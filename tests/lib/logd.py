#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Stands in for syslogd: logd.py SOCKET FILE appends each datagram to FILE as one line.

A line break inside a message becomes \\n, so that one message can never look like two.
"""

import os
import socket
import sys


def main():
    path, log = sys.argv[1:]
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(path)
    os.chmod(path, 0o666)
    fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    while True:
        message = receiver.recv(65536).rstrip(b"\0\n")
        os.write(fd, message.replace(b"\n", b"\\n") + b"\n")


main()
