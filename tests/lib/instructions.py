#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Counts instructions by the object that they are in, with callgrind.

instructions.py FUNCTION [NAME=OBJECT...] -- COMMAND...  below FUNCTION and what it calls; prints a line
                                                         `NAME count` for each object whose path ends so
"""

import os
import re
import subprocess
import sys
import tempfile


def own_costs(text):
    """{object: instructions} of a callgrind file: each function's own, not those of what it calls."""
    names, costs = {}, {}
    current, of_call = "", False
    for line in text.splitlines():
        name = re.match(r"ob=\((\d+)\)(?: (.*))?$", line)
        if name:
            names.setdefault(name.group(1), name.group(2))
            current = names[name.group(1)]
        elif called := re.match(r"cob=\((\d+)\) (.*)$", line):
            names.setdefault(*called.groups())
        elif line.startswith("calls="):
            of_call = True
        elif re.match(r"[+*\d-]", line):
            if not of_call:
                costs[current] = costs.get(current, 0) + int(line.split()[1])
            of_call = False
    return costs


def main():
    at = sys.argv.index("--")
    function, wanted, command = sys.argv[1], sys.argv[2:at], sys.argv[at + 1:]
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o777)  # the command may be another user's
        out = os.path.join(scratch, "out")
        done = subprocess.run(
            [*command[:command.index("@")], "valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}",
             f"--toggle-collect={function}", *command[command.index("@") + 1:]],
            stdout=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}: status {done.returncode}")
        with open(out, encoding="utf-8", errors="replace") as told:
            costs = own_costs(told.read())
    for want in wanted:
        name, suffix = want.split("=", 1)
        print(name, sum(cost for path, cost in costs.items() if path.endswith(suffix)))


main()
