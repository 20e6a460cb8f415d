#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A session of patd's that outlives what it began with.

outlives.py SOCKET USER PASSWORD COMMAND CALL...: connects as the user and authenticates, runs the command
as root, and then makes the calls: NAME=JSON, each after having authenticated, if patd still lets. Prints
of each reply the error, or `done`.
"""

import json
import os
import pwd
import socket
import subprocess
import sys

OWN = "io.pampat.Tokens."


class Session:
    def __init__(self, path, user):
        entry = pwd.getpwnam(user)
        os.setegid(entry.pw_gid)
        os.seteuid(entry.pw_uid)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        os.seteuid(0)
        os.setegid(0)

    def call(self, name, /, **parameters):
        call = {"method": OWN + name, "parameters": parameters}
        self.socket.sendall(json.dumps(call).encode() + b"\0")
        reply = b""
        while not reply.endswith(b"\0"):
            data = self.socket.recv(65536)
            if not data:
                return {"error": OWN + "closed"}
            reply += data
        return json.loads(reply[:-1])


def main():
    path, user, password, command, *calls = sys.argv[1:]
    session = Session(path, user)
    session.call("Authenticate", responses=[])
    if not session.call("Authenticate", responses=[password])["parameters"].get("authenticated"):
        sys.exit("not authenticated")
    subprocess.run(command, shell=True, check=True)
    for call in calls:
        name, parameters = call.split("=", 1)
        reply = session.call(name, **json.loads(parameters))
        print(reply.get("error", "done").removeprefix(OWN))


main()
