#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Somebody who is in the token store as long as they like.

holder.py alone STORE       holds it as a writer does, until killed
holder.py shared STORE      as a reader does
holder.py halves STORE ID   rewrites the use record of a token with what it has, again and again, each
                            time half of it first and the rest a little later; leaves it whole
"""

import fcntl
import os
import random
import signal
import struct
import sys
import time
import zlib

TURNSTILE, ROOM, FIRST_RECORD, RECORDS = 0, 1, 2, 65536
USE_SIZE_AT = -12  # data_len, before the key
MAGIC = struct.pack("=I", 0x26011999)


def lock(fd, kind, byte):
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, struct.pack("hhqqi4x", kind, os.SEEK_SET, byte, 1, 0))


def enter(store, kind):
    fd = os.open(store + ".lock", os.O_RDWR)
    lock(fd, kind, TURNSTILE)
    lock(fd, kind, ROOM)
    lock(fd, fcntl.F_UNLCK, TURNSTILE)
    return fd


def hold(store, kind):
    _fd = enter(store, kind)
    print("in", flush=True)
    signal.pause()


def halves(store, token):
    key = b"u" + token.encode()
    byte = FIRST_RECORD + zlib.crc32(key) % RECORDS
    gate = enter(store, fcntl.F_RDLCK)
    fd = os.open(store, os.O_RDWR)
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    # One is the record; others may be copies in the recovery area, which nobody reads.
    found = [at + 4 for at in range(len(data)) if data.startswith(MAGIC + key, at)]
    size, = struct.unpack_from("=I", data, found[0] + USE_SIZE_AT)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    print("in", flush=True)
    while not ended:
        lock(gate, fcntl.F_WRLCK, byte)
        for at in found:
            os.pwrite(fd, b"\xff" * (size // 2), at + len(key))
        time.sleep(random.uniform(0.005, 0.03))
        for at in found:
            os.pwrite(fd, data[at + len(key):at + len(key) + size], at + len(key))
        lock(gate, fcntl.F_UNLCK, byte)
        time.sleep(random.uniform(0.005, 0.03))


if __name__ == "__main__":
    if sys.argv[1] == "halves":
        halves(*sys.argv[2:])
    else:
        hold(sys.argv[2], fcntl.F_WRLCK if sys.argv[1] == "alone" else fcntl.F_RDLCK)
