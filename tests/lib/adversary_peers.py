#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Peers of patd with tricks. What each is tried for is in tests/system/{impostor,peertricks,crowding}.sh.

adversary_peers.py play SOCKET WHAT    takes connections and answers them as a service that is not patd:
                                       accept (every token), echo, silent, short; prints what comes, in hex
adversary_peers.py hand SOCKET USER MESSAGE...
                                       connects, becomes USER in a child that has the connection from its
                                       parent by SCM_RIGHTS, and calls there
adversary_peers.py hand-listener SOCKET USER
                                       listens, hands the listener to USER, who accepts every token with it
adversary_peers.py over SOCKET COMMAND...
                                       connects, and runs the command with the connection as its standard
                                       input, output and error; says whether it was ended
adversary_peers.py receive             is such a command: calls List of all users on its standard input
adversary_peers.py descriptors SOCKET COUNT
                                       sends COUNT descriptors along with a call; prints the reply
adversary_peers.py pipeline SOCKET COUNT
                                       sends COUNT calls without reading; prints how it ended
adversary_peers.py trickle SOCKET COUNT SECONDS
                                       on COUNT connections sends a byte a second, prints `trickling`
adversary_peers.py half SOCKET COUNT   on COUNT connections shuts one direction down, in turn
adversary_peers.py storm SOCKET COUNT WIDTH
                                       makes COUNT connections, up to WIDTH at a time; prints how many
adversary_peers.py swarm SOCKET FIRST UIDS
                                       connects as one uid after the other, round and round, until killed
adversary_peers.py calls SOCKET        each line of standard input is a call on a connection of its own, as it
                                       is, be it no UTF-8; prints the replies, a line each
adversary_peers.py exchange PATH PATH  exchanges the two again and again until killed
"""

import array
import ctypes
import json
import os
import pwd
import select
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import INFO, MAGIC, PATIENCE, REPLY, connect, kind_of, listen, messages  # noqa: E402

LIST = (b'{"method":"io.pampat.Tokens.List","parameters":{"all_users":true},"more":true}')


def become(user):
    entry = pwd.getpwnam(user)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)


def answer(connection, what):
    connection.settimeout(PATIENCE)
    data = connection.recv(65536)
    print(data.hex(), flush=True)
    accepted = REPLY.pack(MAGIC, 1, 0, b"")
    if what == "silent":
        signal.pause()
    connection.send({"accept": accepted, "echo": data, "short": accepted[:-1]}[what])


def play(path, what, listener=None):
    listener = listener or listen(path, kind_of(path))
    while True:
        connection, _ = listener.accept()
        try:
            answer(connection, what)
        except OSError:
            pass


def to_child(thing, user, work):
    """The thing goes to a child by SCM_RIGHTS, which becomes the user and works with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    child = os.fork()
    if child == 0:
        os.close(thing.fileno())
        become(user)
        _, fds, _, _ = socket.recv_fds(theirs, 1, 1)
        work(socket.socket(fileno=fds[0]))
        sys.stdout.flush()
        os._exit(0)
    socket.send_fds(ours, [b"x"], [thing.fileno()])
    return child


def hand(path, user, *calls):
    def work(connection):
        connection.settimeout(PATIENCE)
        replies = messages(connection)
        for call in calls:
            connection.sendall(call.encode() + b"\0")
            for reply in replies:
                print(reply)
                if not reply.startswith("{") or not json.loads(reply).get("continues"):
                    break

    os.waitpid(to_child(connect(path), user, work), 0)


def hand_listener(path, user):
    listener = listen(path, kind_of(path))
    child = to_child(listener, user, lambda theirs: play(path, "accept", theirs))
    listener.close()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    os.waitpid(child, 0)


def over(path, *command):
    connection = connect(path, kind_of(path))
    subprocess.run(command, stdin=connection, stdout=connection, stderr=connection, check=False)
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(PATIENCE)
    try:
        while data := connection.recv(65536):
            print(data.rstrip(b"\0").decode(), flush=True)
        print("closed")
    except TimeoutError:
        print("open")
    except ConnectionError:
        print("closed")


def receive():
    os.write(0, LIST + b"\0")
    time.sleep(0.5)


def descriptors(path, count):
    connection = connect(path)
    fds = array.array("i", [os.open("/dev/null", os.O_RDONLY)] * int(count))
    half = len(INFO) // 2
    for part in (INFO[:half], INFO[half:] + b"\0"):
        connection.sendmsg([part], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        time.sleep(0.05)
    print(next(messages(connection)))


def pipeline(path, count):
    connection = connect(path)
    calls = (INFO + b"\0") * int(count)
    sent = 0
    try:
        while sent < len(calls):
            sent += connection.send(calls[sent:sent + 65536])
        print("taken")
    except TimeoutError:
        print("stopped")
    except ConnectionError:
        print("closed")


def opened(path, count):
    connections = []
    for _ in range(int(count)):
        try:
            connections.append(connect(path, kind_of(path)))
        except OSError:
            pass
    return connections


def trickle(path, count, seconds):
    connections = opened(path, count)
    text = INFO if kind_of(path) == socket.SOCK_STREAM else b"x"
    print("trickling", len(connections), flush=True)
    for i in range(int(seconds)):
        for connection in connections:
            try:
                connection.send(text[i % len(text):i % len(text) + 1])
            except OSError:
                pass
        time.sleep(1)


def half(path, count):
    connections = opened(path, count)
    for i, connection in enumerate(connections):
        try:
            connection.shutdown(socket.SHUT_RD if i % 2 else socket.SHUT_WR)
        except OSError:
            pass
    print("half open", len(connections), flush=True)
    signal.pause()


def storm(path, count, width):
    """Each is opened, half of them say something, and the oldest is dropped when there are too many."""
    made, held = 0, []
    for i in range(int(count)):
        try:
            connection = socket.socket(socket.AF_UNIX, kind_of(path))
            connection.connect(path)
            made += 1
            if i % 2:
                connection.send(b'{"method":')
        except OSError:
            pass
        held.append(connection)
        if len(held) > int(width):
            held.pop(0).close()
    print(made)


def swarm(path, first, uids):
    """As whoever has many uids of a namespace of theirs: more than anybody can be counted by."""
    print("swarming", flush=True)
    held = []
    poller = select.poll()
    while True:
        for uid in range(int(first), int(first) + int(uids)):
            os.seteuid(uid)
            try:
                connection = socket.socket(socket.AF_UNIX, kind_of(path))
                connection.setblocking(False)
                connection.connect(path)
                held.append(connection)
            except BlockingIOError:
                poller.poll(1)
            except OSError:
                pass
            os.seteuid(0)
            if len(held) > 200:
                held.pop(0).close()


def calls(path):
    for line in sys.stdin.buffer:
        connection = connect(path)
        connection.sendall(line.rstrip(b"\n") + b"\0")
        print(next(messages(connection)), flush=True)
        connection.close()


def exchange(one, other):
    """renameat2(2) with RENAME_EXCHANGE: at no time is there nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    print("exchanging", flush=True)
    while True:
        if libc.renameat2(-100, one.encode(), -100, other.encode(), 2) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))
        time.sleep(0.0005)


if __name__ == "__main__":
    COMMANDS = {
        "play": play, "hand": hand, "hand-listener": hand_listener, "over": over, "receive": receive,
        "descriptors": descriptors, "pipeline": pipeline, "trickle": trickle, "half": half,
        "storm": storm, "swarm": swarm, "calls": calls, "exchange": exchange,
    }
    COMMANDS[sys.argv[1]](*sys.argv[2:])
