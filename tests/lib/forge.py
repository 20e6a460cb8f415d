#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""forge.py ID: a token of that id with a right checksum and a secret that is nobody's."""

import secrets
import sys
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def main():
    body = "lnxpat_" + sys.argv[1] + "".join(secrets.choice(DIGITS) for _ in range(43))
    rest, checksum = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        checksum = DIGITS[digit] + checksum
    print(body + checksum)


main()
