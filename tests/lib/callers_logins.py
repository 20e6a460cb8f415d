#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Logins to a server on 127.0.0.1, many at once, and what became of them.

callers_logins.py PROTOCOL PORT one USER
    One login with the secret on standard input; prints `accepted`, `refused`, or `failed: WHY`.
callers_logins.py PROTOCOL PORT many THREADS
    Each line of standard input is LABEL TIMES USER SECRET. All are done, in a random order (that of
    PAT_SEED, if it is set), by so many threads at once. Prints for each label how many were accepted,
    refused, and failed without either, and then how long they took.
callers_logins.py PROTOCOL PORT end THREADS USER COMMAND...
    The threads log in over and over with the secret on standard input; meanwhile the command is run,
    which is to end that secret. Prints how many logins were accepted before it ended, how many were
    that began after it (`late`), and how many were refused then.

PROTOCOL is http (GET /, PORT may be PORT/PATH), ftp, imap, postgresql (the database `postgres`), or
saslauthd, whose PORT is the path of its socket, with :SERVICE.
"""

import base64
import collections
import ftplib
import http.client
import imaplib
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

ACCEPTED, REFUSED = "accepted", "refused"
PATIENCE = 20


class Odd(Exception):
    """An answer that is neither."""


class Http:
    def __init__(self, port):
        port, _, path = port.partition("/")
        self.port, self.path = int(port), "/" + path

    def login(self, user, secret):
        login = base64.b64encode(f"{user}:{secret}".encode()).decode()
        # A server that is busy may close a connection that it kept: each request has its own.
        headers = {"Authorization": "Basic " + login, "Connection": "close"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", self.path, headers=headers)
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 401):
            raise Odd(f"status {answer.status}")
        return ACCEPTED if answer.status == 200 else REFUSED


class Ftp:
    def __init__(self, port):
        self.port = int(port)

    def login(self, user, secret):
        with ftplib.FTP() as ftp:
            ftp.connect("127.0.0.1", self.port, timeout=PATIENCE)
            try:
                ftp.login(user, secret)
            except ftplib.error_perm as error:
                if not str(error).startswith("530"):
                    raise Odd(str(error)) from None
                return REFUSED
            ftp.pwd()
            return ACCEPTED


class Imap:
    def __init__(self, port):
        self.port = int(port)

    def login(self, user, secret):
        imap = imaplib.IMAP4("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            imap.login(user, secret)
        except imaplib.IMAP4.error as error:
            if "AUTHENTICATIONFAILED" not in str(error):
                raise Odd(str(error)) from None
            return REFUSED
        else:
            imap.select("INBOX", readonly=True)
            return ACCEPTED
        finally:
            imap.logout()


class Postgresql:
    """The protocol as far as ReadyForQuery: SSLRequest, StartupMessage, PasswordMessage."""

    def __init__(self, port):
        self.port = int(port)
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        sock.sendall(struct.pack("!II", 8, 80877103))
        if sock.recv(1) != b"S":
            raise Odd("no TLS")
        return self.context.wrap_socket(sock)

    @staticmethod
    def message(stream):
        head = stream.read(5)
        if len(head) < 5:
            raise Odd("closed")
        kind, length = struct.unpack("!cI", head)
        return kind, stream.read(length - 4)

    def login(self, user, secret):
        with self.connect() as sock:
            body = struct.pack("!I", 196608) + f"user\0{user}\0database\0postgres\0\0".encode()
            sock.sendall(struct.pack("!I", len(body) + 4) + body)
            stream = sock.makefile("rb")
            while True:
                kind, body = self.message(stream)
                if kind == b"R" and body == struct.pack("!I", 3):
                    word = secret.encode() + b"\0"
                    sock.sendall(b"p" + struct.pack("!I", len(word) + 4) + word)
                elif kind == b"E":
                    if b"C28000\0" not in body and b"C28P01\0" not in body:
                        raise Odd(repr(body))
                    return REFUSED
                elif kind == b"Z":
                    sock.sendall(struct.pack("!cI", b"X", 4))
                    return ACCEPTED


class Saslauthd:
    def __init__(self, port):
        self.path, _, self.service = port.partition(":")

    def login(self, user, secret):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(self.path)
            for word in (user, secret, self.service, ""):
                sock.sendall(struct.pack("!H", len(word)) + word.encode())
            answer = sock.makefile("rb").read()[2:]
        if answer[:2] not in (b"OK", b"NO"):
            raise Odd(repr(answer))
        return ACCEPTED if answer[:2] == b"OK" else REFUSED


PROTOCOLS = {"http": Http, "ftp": Ftp, "imap": Imap, "postgresql": Postgresql,
             "saslauthd": Saslauthd}


def attempt(client, user, secret):
    """What became of it, and why if it was neither accepted nor refused."""
    try:
        return client.login(user, secret), ""
    except (Odd, OSError, EOFError, http.client.HTTPException, ftplib.Error,
            imaplib.IMAP4.error) as error:
        return "failed", f"{type(error).__name__}: {error}"


def in_threads(count, work):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def many(new_client, threads):
    labels, jobs = [], []
    for line in sys.stdin.read().splitlines():
        label, times, user, secret = line.split(None, 3)
        labels.append(label)
        jobs += [(label, user, secret)] * int(times)
    random.Random(os.environ.get("PAT_SEED")).shuffle(jobs)
    jobs, results, reasons, durations = collections.deque(jobs), [], set(), []

    def work():
        client = new_client()
        while True:
            try:
                label, user, secret = jobs.popleft()
            except IndexError:
                return
            began = time.monotonic()
            result, why = attempt(client, user, secret)
            durations.append(time.monotonic() - began)
            results.append((label, result))
            reasons.add(why)

    began = time.monotonic()
    for thread in in_threads(threads, work):
        thread.join()
    took = time.monotonic() - began
    counts = collections.Counter(results)
    for label in labels:
        print(label, *(f"{counts[label, result]} {result}"
                       for result in (ACCEPTED, REFUSED, "failed")))
    durations.sort()
    print(f"time: {len(durations)} logins by {threads} threads in {took:.1f} s, median "
          f"{1000 * durations[len(durations) // 2]:.1f} ms, longest {1000 * durations[-1]:.0f} ms")
    for why in sorted(reasons - {""})[:5]:
        print(why, file=sys.stderr)


def end(new_client, threads, user, command):
    secret = sys.stdin.readline().rstrip("\n")
    results, stop = [], threading.Event()

    def work():
        client = new_client()
        while not stop.is_set():
            began = time.monotonic()
            results.append((began, *attempt(client, user, secret)))
            if results[-1][1] == "failed":
                time.sleep(0.01)

    workers = in_threads(threads, work)
    deadline = time.monotonic() + PATIENCE
    while sum(result == ACCEPTED for _, result, _ in results) < 2 * threads:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).returncode
    over = time.monotonic()
    while sum(began > over for began, _, _ in results) < 2 * threads:
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    stop.set()
    for worker in workers:
        worker.join()
    counts = collections.Counter((began > over, result) for began, result, _ in results)
    print(f"status {status}")
    print(f"before {counts[False, ACCEPTED]}")
    print(f"late {counts[True, ACCEPTED]}")
    print(f"refused {counts[True, REFUSED]}")
    print(f"failed {counts[False, 'failed'] + counts[True, 'failed']}")
    for why in sorted({why for _, _, why in results} - {""})[:5]:
        print(why, file=sys.stderr)


def main():
    protocol, port, verb, *rest = sys.argv[1:]

    def new_client():
        return PROTOCOLS[protocol](port)

    if verb == "one":
        print(*(word for word in attempt(new_client(), rest[0], sys.stdin.readline().rstrip("\n"))
                if word))
    elif verb == "many":
        many(new_client, int(rest[0]))
    else:
        end(new_client, int(rest[0]), rest[1], rest[2:])


main()
