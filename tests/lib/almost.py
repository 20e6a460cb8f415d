#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""almost.py SOCKET USER SERVICE: asks patd as the module does about the token on standard input, which is
good, and then in messages of which one thing is wrong. Prints what it was and the answer, a line each."""

import sys

import peers


def main():
    path, user, service = sys.argv[1:]
    token = sys.stdin.buffer.readline().rstrip(b"\n")
    good = peers.packed(user, service, "", token)
    fields = {"token": (4, 65), "user": (69, 256), "service": (325, 64), "rhost": (389, 256),
              "tty": (645, 64)}
    asked = {
        "nothing": good,
        "magic": peers.packed(user, service, "", token, peers.MAGIC + 1),
        "too short": good[:-1],
        "too long": good + b"\0",
        "twice": good * 2,
        "checksum": peers.packed(user, service, "", token[:-1] + bytes([token[-1] ^ 1])),
    }
    for name, (at, size) in fields.items():
        text = good[at:at + size].split(b"\0")[0]
        asked[name + " without an end"] = good[:at] + text.ljust(size, b"x") + good[at + size:]
    for what, message in asked.items():
        print(what + ":", peers.ask(path, message))


main()
