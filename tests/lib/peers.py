#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Peers of patd that are not ours: a plain Varlink client, rude ones, and servers that play patd.

peers.py call SOCKET               each line of standard input is a message; prints each reply, or
                                   `closed`, as a line
peers.py send SOCKET WHAT          sends something malformed; prints the reply, `closed` or `silent`
peers.py verify SOCKET USER SERVICE [RHOST]
                                   asks about the token on standard input as the module does
peers.py query SOCKET WHAT         the same with something malformed
peers.py hold SOCKET COUNT [TEXT]  opens connections, sends TEXT on each, keeps them until killed
peers.py flood SOCKET              opens and drops connections until killed
peers.py idle SOCKET [TEXT]        connects, sends TEXT, says nothing more, and prints after how many
                                   seconds that was ended
peers.py impostor SOCKET           takes connections and writes what comes to SOCKET.received
peers.py accept-all SOCKET         plays patd to the module, and accepts every token
peers.py hang-up SOCKET            plays patd, and hangs up at once
peers.py other-magic SOCKET        plays a patd of another protocol, that accepts every token
"""

import json
import os
import resource
import signal
import socket
import struct
import sys
import time

PATIENCE = 5
REQUEST = struct.Struct("=I65s256s64s256s64s3x")
REPLY = struct.Struct("=IIq401s7x")
MAGIC = 0x32544150
RESULTS = {1: "accepted", 2: "refused", 3: "unavailable"}
MESSAGE_MAX = 16384


def connect(path, kind=socket.SOCK_STREAM):
    connection = socket.socket(socket.AF_UNIX, kind)
    # Blocking: where the queue is full this waits, and connect(2) with a timeout would fail.
    connection.connect(path)
    connection.settimeout(PATIENCE)
    return connection


def messages(connection):
    buffer = b""
    while True:
        while b"\0" in buffer:
            message, buffer = buffer.split(b"\0", 1)
            yield message.decode()
        try:
            data = connection.recv(65536)
        except TimeoutError:
            yield "silent"
            return
        except ConnectionError:
            data = b""
        if not data:
            yield "closed"
            return
        buffer += data


def call(path):
    connection = connect(path)
    replies = messages(connection)
    for line in sys.stdin:
        try:
            connection.sendall(line.rstrip("\n").encode() + b"\0")
        except ConnectionError:
            print("closed")
            return
        for reply in replies:
            print(reply, flush=True)
            if not reply.startswith("{") or not json.loads(reply).get("continues"):
                break


INFO = b'{"method":"org.varlink.service.GetInfo"}'
MALFORMED = {
    "garbage": os.urandom(4000).replace(b"\0", b"x") + b"\0",
    "nothing-but-ends": b"\0" * 100,
    "text": b"hello\0",
    "array": b"[" + INFO + b"]\0",
    "number": b"7\0",
    "two-in-one": INFO + INFO + b"\0",
    "deep": b"[" * 16000 + b"\0",
    "deep-object": b'{"method":"org.varlink.service.GetInfo","parameters":'
                   + b'{"a":' * 2900 + b"1" + b"}" * 2900 + b"}\0",
    "bad-utf8": b'{"method":"\xff\xfe"}\0',
    "no-method": b'{"parameters":{}}\0',
    "method-number": b'{"method":7}\0',
    "parameters-array": b'{"method":"org.varlink.service.GetInfo","parameters":[]}\0',
    "twice": b'{"method":"org.varlink.service.GetInfo","method":"x.y.Z"}\0',
    "too-long": INFO.ljust(MESSAGE_MAX) + b"\0",
    "longest": INFO.ljust(MESSAGE_MAX - 1) + b"\0",
    "endless": b"x" * (1 << 20),
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n\0",
    "by-pieces": None,
}


def send(path, what):
    connection = connect(path)
    try:
        if what == "by-pieces":
            for byte in INFO + b"\0":
                connection.sendall(bytes([byte]))
        else:
            connection.sendall(MALFORMED[what])
    except (ConnectionError, TimeoutError):
        pass
    print(next(messages(connection)))


def packed(user, service, rhost="", token=b"", magic=MAGIC):
    return REQUEST.pack(magic, token, user.encode(), service.encode(), rhost.encode(), b"test")


def ask(path, request):
    connection = connect(path, socket.SOCK_SEQPACKET)
    try:
        connection.send(request)
        reply = connection.recv(4096)
    except TimeoutError:
        return "silent"
    except OSError:
        return "closed"
    if len(reply) != REPLY.size:
        return "closed" if not reply else f"{len(reply)} bytes"
    magic, result, _expires, _name = REPLY.unpack(reply)
    return RESULTS.get(result, str(result)) if magic == MAGIC else "wrong magic"


def verify(path, user, service, rhost=""):
    token = sys.stdin.buffer.readline().rstrip(b"\n")
    print(ask(path, packed(user, service, rhost, token)))


def query(path, what):
    good = packed("bob", "sshd", token=b"lnxpat_" + b"0" * 57)
    print(ask(path, {
        "one-byte": b"x",
        "short": good[:-1],
        "long": good + b"x",
        "huge": good * 60,
        "garbage": os.urandom(len(good)),
        "other-magic": packed("bob", "sshd", magic=MAGIC + 1),
        "no-ends": struct.pack("=I", MAGIC) + b"A" * (len(good) - 4),
        "no-token": packed("bob", "sshd"),
        "not-a-token": packed("bob", "sshd", token=b"an ordinary password"),
        "no-user": packed("", "sshd", token=b"lnxpat_" + b"0" * 57),
        "hostile-text": packed('bob"\n\x1b[2J', 's"\n', 'r"\n', b"lnxpat_" + b"0" * 57),
    }[what]))


def kind_of(path):
    return socket.SOCK_SEQPACKET if path.endswith("verify") else socket.SOCK_STREAM


def hold(path, count, text=""):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    held = []
    for _ in range(int(count)):
        try:
            held.append(connect(path, kind_of(path)))
            if text:
                held[-1].send(text.encode())
        except OSError:
            pass
    print("holding", len(held), flush=True)
    signal.pause()


def flood(path):
    print("flooding", flush=True)
    while True:
        try:
            connect(path, kind_of(path)).close()
        except OSError:
            time.sleep(0.001)


def idle(path, text=""):
    connection = connect(path, kind_of(path))
    if text:
        connection.send(text.encode())
    connection.settimeout(90)
    began = time.monotonic()
    try:
        connection.recv(1)
    except ConnectionError:
        pass
    print(round(time.monotonic() - began))


def listen(path, kind):
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    return listener


def impostor(path):
    listener = listen(path, socket.SOCK_STREAM)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        with open(path + ".received", "ab", 0) as received:
            try:
                while data := connection.recv(65536):
                    received.write(data)
                    connection.sendall(b'{"parameters":{"authenticated":false,"prompts":'
                                       b'[{"style":"echo_off","text":"Password: "}]}}\0')
            except OSError:
                pass


def hang_up(path):
    listener = listen(path, socket.SOCK_SEQPACKET)
    while True:
        listener.accept()[0].close()


def other_magic(path):
    accept_all(path, MAGIC + 1)


def accept_all(path, magic=MAGIC):
    listener = listen(path, socket.SOCK_SEQPACKET)
    while True:
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        try:
            print(connection.recv(4096), flush=True)
            connection.send(REPLY.pack(magic, 1, 0, b""))
        except OSError:
            pass


if __name__ == "__main__":
    COMMANDS = {
        "call": call, "send": send, "verify": verify, "query": query, "hold": hold,
        "flood": flood, "idle": idle, "impostor": impostor, "accept-all": accept_all,
        "hang-up": hang_up, "other-magic": other_magic,
    }
    COMMANDS[sys.argv[1]](*sys.argv[2:])
