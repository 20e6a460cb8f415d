#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Looks for secrets, in every form in which they might be kept by mistake.

secrets_search.py SECRETS files PATH...   in files, and in the names of them; prints those that have one
secrets_search.py SECRETS memory PID...   in all readable memory of processes
secrets_search.py SECRETS text            in standard input

SECRETS has one a line, KIND and value: `token` (its secret: whole, and any 12 characters in a row), `password`
(whole), `hash` (of that token). Each also in hexadecimal, base64, UTF-16, turned round, and as the argument
of a URL. Exits with 1 if there was one. What is found is named by kind and form, not shown.
"""

import base64
import hashlib
import os
import re
import sys
import urllib.parse

PART = 12
SECRET = slice(15, 58)
SKIPPED = {"keep"}


def forms(kind, value):
    """(name, bytes) of each form; those of parts cover the whole."""
    yield kind, value
    yield f"{kind} in hexadecimal", value.hex().encode()
    yield f"{kind} in HEXADECIMAL", value.hex().upper().encode()
    yield f"{kind} turned round", value[::-1]
    yield f"{kind} in UTF-16", value.decode("latin-1").encode("utf-16-le")
    if quoted := urllib.parse.quote_from_bytes(value).encode():
        yield f"{kind} in a URL", quoted
    for shift in range(3):
        # Without the characters that what stands before and behind has a part in.
        whole = base64.b64encode(b"\0" * shift + value)
        yield f"{kind} in base64", whole[4 if shift else 0:len(whole) - 4]


def add(table, named):
    for name, value in named:
        table.setdefault(value, name)


def needles(path):
    table = {}
    for line in open(path, "rb").read().split(b"\n"):
        kind, _, value = line.partition(b" ")
        if kind == b"token":
            secret = value[SECRET]
            for at in range(len(secret) - PART + 1):
                add(table, forms("a secret", secret[at:at + PART]))
        elif kind == b"hash":
            digest = hashlib.blake2b(value, digest_size=32, person=b"pam_pat token 1").digest()
            add(table, ((k, v[:24]) for k, v in forms("a hash", digest)))
        elif kind == b"password":
            add(table, forms("a password", value))
    return table


def trie(words):
    """A pattern for any of the words that looks at each byte once, not once for each word."""
    if b"" in words:
        return b""
    heads = {}
    for word in words:
        heads.setdefault(word[:1], []).append(word[1:])
    branches = [re.escape(head) + trie(rest) for head, rest in sorted(heads.items())]
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"


def search(pattern, table, data, where):
    found = {table[match.group()] for match in pattern.finditer(data)}
    for kind in sorted(found):
        print(f"{where}: {kind}")
    return bool(found)


def chunks(file, size, overlap):
    behind = b""
    while data := file.read(size):
        yield behind + data
        behind = (behind + data)[-overlap:]


def in_files(pattern, table, paths):
    bad = False
    for top in paths:
        for where, dirs, names in os.walk(top):
            dirs[:] = [d for d in dirs if d not in SKIPPED]
            for name in names:
                path = os.path.join(where, name)
                bad |= search(pattern, table, os.fsencode(path), path)
                if not os.path.isfile(path) or os.path.islink(path):
                    continue
                try:
                    with open(path, "rb") as file:
                        for data in chunks(file, 1 << 22, 256):
                            bad |= search(pattern, table, data, path)
                except OSError:
                    pass
    return bad


def in_memory(pattern, table, pids):
    bad, bytes_read = False, 0
    for pid in pids:
        with open(f"/proc/{pid}/comm") as file:
            name = file.read().strip()
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                bounds, rights, *rest = line.split()
                if not rights.startswith("rw") or rest[-1] == "[vvar]":
                    continue
                begin, end = (int(part, 16) for part in bounds.split("-"))
                try:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                except OSError:
                    continue
                bytes_read += len(data)
                bad |= search(pattern, table, data, f"{name} {pid}, {rest[-1]}")
    if bytes_read < 100000:
        print(f"only {bytes_read} bytes of memory were read")
        bad = True
    return bad


def main():
    table = needles(sys.argv[1])
    pattern = re.compile(trie(list(table)), re.DOTALL)
    if sys.argv[2] == "text":
        return search(pattern, table, sys.stdin.buffer.read(), "standard input")
    return {"files": in_files, "memory": in_memory}[sys.argv[2]](pattern, table, sys.argv[3:])


sys.exit(bool(main()))
