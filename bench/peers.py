# SPDX-License-Identifier: ISC
"""The modules that pam_pat is measured against, each set up as its manual says, and what its user types."""

import base64
import functools
import hashlib
import hmac
import os
import struct
import time

DIR = "/var/lib/peers"
USER = "alice"
PASSWORD = "alice: Sesame 1"  # what tests/lib/world.sh gave her: yescrypt, Debian's default
KEY = b"0123456789abcdefghij"
DIGITS = 6
STEP = 30


def hotp(counter):
    """RFC 4226."""
    digest = hmac.new(KEY, struct.pack(">Q", counter), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 10**DIGITS:0{DIGITS}}"


class Counter:
    """The codes of a token that counts."""

    def __init__(self, start):
        self.next = start

    def __call__(self, count):
        codes = [hotp(self.next + i) for i in range(count)]
        self.next += count
        return codes


def totp(_count):
    return hotp(int(time.time()) // STEP)


def write(name, text, mode=0o600):
    path = os.path.join(DIR, name)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    os.chmod(path, mode)
    return path


class Peer:
    def __init__(self, service, secrets=PASSWORD, user=USER, count=300, stores=False):
        self.service = service
        self.secrets = secrets
        self.user = user
        self.count = count  # so many logins are a sample
        self.stores = stores  # it stores, or counts, a use

    def loop(self, bench, **options):
        """A callable for Bench.interleave()."""
        return functools.partial(bench.loop, self.service, self.user, self.secrets, self.count, **options)


def permit(bench):
    bench.service("permit", "auth required pam_permit.so")
    return Peer("permit", count=500)


def unix(bench, user=USER):
    bench.service("unix", "auth required pam_unix.so")
    return Peer("unix", user=user, count=10)


def unix_sha512(bench):
    bench.run("chpasswd", "--crypt-method", "SHA512", given=f"bob:{PASSWORD}\n")
    peer = unix(bench, "bob")
    peer.count = 30
    return peer


def userdb(bench):
    bench.run("db_load", "-T", "-t", "hash", f"{DIR}/users.db",
              given="".join(f"user{i}\nsecret{i}\n" for i in range(9)) + f"{USER}\n{PASSWORD}\n")
    bench.service("userdb", f"auth required pam_userdb.so db={DIR}/users crypt=none")
    return Peer("userdb")


def pwdfile(bench):
    hashed = bench.run("openssl", "passwd", "-1", "-stdin", given=PASSWORD).strip()
    path = write("pwdfile", "".join(f"{name}:{hashed}\n" for name in [*(f"user{i}" for i in range(9)), USER]))
    bench.service("pwdfile", f"auth required pam_pwdfile.so pwdfile={path}")
    return Peer("pwdfile", count=200)


def google(bench, kind, options, secrets, stores):
    path = write(kind, base64.b32encode(KEY).decode() + "\n" + options, 0o400)
    bench.service(kind, f"auth required pam_google_authenticator.so secret={path} user=root")
    return Peer(kind, secrets=secrets, count=200, stores=stores)


def google_totp(bench):
    return google(bench, "totp", '" TOTP_AUTH\n', totp, False)


def google_hotp(bench):
    return google(bench, "hotp", '" HOTP_COUNTER 1\n', Counter(1), True)


def oath(bench):
    path = write("oath", "".join(f"HOTP user{i} - {KEY.hex()}\n" for i in range(9)) + f"HOTP {USER} - {KEY.hex()}\n")
    bench.service("oath", f"auth required pam_oath.so usersfile={path} window=5 digits={DIGITS}")
    return Peer("oath", secrets=Counter(0), count=100, stores=True)


def pat(bench):
    """Ourselves, with a token for each service."""
    bench.service("pat", "auth required pam_pat.so")
    return Peer("pat", secrets=bench.token(USER, "--service", "pat"), count=500, stores=True)


ALL = {
    "pam_permit": permit,
    "pam_unix, yescrypt": unix,
    "pam_unix, sha512crypt": unix_sha512,
    "pam_userdb": userdb,
    "pam_pwdfile, md5crypt": pwdfile,
    "google-authenticator, TOTP": google_totp,
    "google-authenticator, HOTP": google_hotp,
    "pam_oath": oath,
}


def everyone(bench):
    """{name: Peer}, pam_pat the first."""
    return {"pam_pat": pat(bench), **{name: make(bench) for name, make in ALL.items()}}
