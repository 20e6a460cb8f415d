#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""activate.py DIR COMMAND...: starts the command with the two sockets of patd in DIR already
listening, as systemd does for patd.socket (sd_listen_fds(3))."""

import os
import socket
import sys


def main():
    directory, *command = sys.argv[1:]
    for fd, (name, kind) in enumerate(
            (("io.pampat.Tokens", socket.SOCK_STREAM), ("verify", socket.SOCK_SEQPACKET)), 3):
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(f"{directory}/{name}")
        os.chmod(f"{directory}/{name}", 0o666)
        listener.listen(128)
        if listener.fileno() != fd:
            os.dup2(listener.fileno(), fd)
        os.set_inheritable(fd, True)
        listener.detach()
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
    os.execvp(command[0], command)


main()
