#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""normal.py MAP KNOWN: standard input without what differs from run to run.

Each id out of the file KNOWN becomes Id000001, Id000002 ... by the order in which MAP, a file that is
kept from call to call, first saw it, and the secret of each token dots; times keep their form alone,
and so do uids, and the version; the escape character of a terminal is made visible. Nothing but a uid changes its
length, so tables stay tables.
"""

import json
import os
import re
import sys


def main():
    path, known = sys.argv[1:]
    ids = {}
    if os.path.exists(path):
        with open(path) as file:
            ids = json.load(file)
    text = sys.stdin.read()
    with open(known) as file:
        names = set(file.read().split()) | set(re.findall(r"lnxpat_(\w{8})\w{49}", text))
    text = re.sub(r"(lnxpat_\w{8})\w{49}", lambda m: m[1] + "." * 49, text)

    def number(match):
        found = match[0]
        return ids.setdefault(found, f"Id{len(ids) + 1:06}") if found in names else found

    # In colour an id stands right behind a letter, the end of the sequence.
    text = re.sub(r"(?<=lnxpat_)\w{8}|(?<=\033\[[0-9]m)\w{8}|(?<=\033\[[0-9]{2}m)\w{8}|\b\w{8}\b",
                  number, text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "YYYY-MM-DDThh:mm:ssZ", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "YYYY-MM-DD hh:mm", text)
    text = re.sub(r"(uid |\"uid\": )\d+", r"\1N", text)
    text = re.sub(r"(patctl )\d+\.\d+\.\d+$", r"\1VERSION", text, flags=re.M)
    sys.stdout.write(text.replace("\033", "^["))
    with open(path, "w") as file:
        json.dump(ids, file)


main()
