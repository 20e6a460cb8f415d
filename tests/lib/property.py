#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Random sequences of all that can be asked of tokens, against a model of what should come of it.

property.py SEED OPERATIONS SECONDS DRIVE PASSWORDS: at least so many operations, and for at least so
many seconds, by root and by the users of PASSWORDS (lines `USER PASSWORD`), with patd at its socket
and by DRIVE, a PAM client. Every answer is compared, and after every login what was noted of it.
Prints how many of each kind there were; at the first difference what was asked, and exits with 1.
"""

import collections
import datetime
import ipaddress
import json
import os
import pwd
import random
import secrets
import socket
import subprocess
import sys
import time
import zlib

SOCKET = "/run/pat/io.pampat.Tokens"
OWN, VARLINK = "io.pampat.Tokens.", "org.varlink.service."
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RING, ENDED_KEPT, MAX_TOKENS = 5, 256, 6
DAY = 86400
# An answer takes less; nothing is asked so shortly before a token expires.
MARGIN = 1.5

NAMES = ["ci", "backup", "Zoë", "a b", "abcd", "x", "deploy", "-n"]
SERVICES = ["probe", "other", "sudo", "sudo-i"]
SOURCES = ["192.0.2.0/24", "192.0.2.0/25", "192.0.2.1", "198.51.100.7", "0.0.0.0/0",
           "2001:db8::/32", "2001:db8::5", "fe80::/10", "local"]
HOSTS = [None, None, "192.0.2.1", "192.0.2.200", "198.51.100.7", "2001:db8::5",
         "::ffff:192.0.2.1", "fe80::1%eth0", "host.example"]


class Difference(Exception):
    pass


def check(what, got, want):
    if got != want:
        raise Difference(f"{what}\n  got:    {got}\n  wanted: {want}")


def rfc3339(when):
    if when is None:
        return None
    return datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime("%FT%TZ")


def seconds(text):
    if text is None:
        return None
    return int(datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp())


def forge(token_id):
    body = "lnxpat_" + token_id + "".join(secrets.choice(DIGITS) for _ in range(43))
    rest, checksum = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        checksum = DIGITS[digit] + checksum
    return body + checksum


# --- the model


def covers(services, service):
    return service in services or (service == "sudo-i" and "sudo" in services)


def services_within(inner, outer):
    return all(covers(outer, service) for service in inner)


def holds(outer, inner):
    if "local" in (outer, inner):
        return outer == inner
    outer, inner = ipaddress.ip_network(outer), ipaddress.ip_network(inner)
    return outer.version == inner.version and inner.subnet_of(outer)


def sources_within(inner, outer):
    if not outer:
        return True
    return bool(inner) and all(any(holds(o, i) for o in outer) for i in inner)


def judge_source(sources, rhost):
    if not sources:
        return None
    if rhost is None:
        return None if "local" in sources else "source"
    try:
        address = ipaddress.ip_address(rhost)
    except ValueError:
        return "host-name"
    if address.version == 6:
        address = address.ipv4_mapped or ipaddress.ip_address(rhost.split("%")[0])
    return None if any(holds(source, str(address)) for source in sources) else "source"


Event = collections.namedtuple("Event", "time service rhost reason")


class Token:
    def __init__(self, secret, user, **terms):
        self.secret, self.id = secret, secret[7:15]
        self.user, self.uid = user, pwd.getpwnam(user).pw_uid
        self.suspended = self.revoked = self.successor = None
        self.unproved, self.unproved_at, self.proved, self.uses, self.last = 0, None, 0, 0, None
        self.ring = []
        self.__dict__.update(terms)

    def status(self, now):
        if self.revoked is not None:
            return "revoked"
        if self.expires is not None and now >= self.expires:
            return "expired"
        if self.max_uses is not None and self.uses >= self.max_uses:
            return "spent"
        return "active" if self.suspended is None else "suspended"

    def live(self, now):
        return self.status(now) in ("active", "suspended")

    def view(self, now):
        return {
            "id": self.id, "name": self.name, "description": self.description,
            "user": self.user, "uid": self.uid, "services": self.services,
            "sources": self.sources, "created_at": rfc3339(self.created),
            "expires_at": rfc3339(self.expires),
            "last_used_at": self.last and rfc3339(self.last.time),
            "last_used_service": self.last and self.last.service,
            "last_used_from": self.last and self.last.rhost,
            "uses": self.uses, "max_uses": self.max_uses,
            "refusals": self.proved + self.unproved, "suspended_at": rfc3339(self.suspended),
            "revoked_at": rfc3339(self.revoked), "successor": self.successor,
            "status": self.status(now),
        }

    def judge(self, user, service, rhost, now):
        """Why it is refused to one who has the secret, or None."""
        status = self.status(now)
        if status in ("revoked", "expired"):
            return "rotated" if self.successor else status
        if self.suspended is not None:
            return "suspended"
        if user != self.user:
            return "other-user"
        if not covers(self.services, service):
            return "service"
        return judge_source(self.sources, rhost) or ("spent" if status == "spent" else None)

    def note(self, event):
        if event.reason is None:
            self.uses += 1
            self.last = event
        else:
            self.proved += 1
        self.ring = (self.ring + [event])[-RING:]

    def detail(self, reason):
        sources = ",".join(self.sources)
        return {
            "revoked": f"since {rfc3339(self.revoked)}",
            "expired": f"since {rfc3339(self.expires)}",
            "rotated": f"token {self.successor} took its place: this one was kept, or has leaked",
            "suspended": self.suspended and f"since {rfc3339(self.suspended)}",
            "spent": f"it was good for {self.max_uses}",
            "other-user": f"it belongs to {self.user}",
            "service": f"scope is {','.join(self.services)}",
            "source": f"good from {sources}",
            "host-name": f"rhost is no address (for sshd, set UseDNS no); good from {sources}",
        }.get(reason)

    def events(self, refusals=False, since=0, unproved=True, only=None):
        result = []
        for event in self.ring:
            if event.time < since or (refusals and event.reason is None):
                continue
            if only in (None, event.reason):
                result.append({
                    "time": rfc3339(event.time), "id": self.id, "name": self.name,
                    "service": event.service, "from": event.rhost, "reason": event.reason,
                    "detail": self.detail(event.reason), "count": 1})
        if unproved and self.unproved and self.unproved_at >= since:
            result.append({
                "time": rfc3339(self.unproved_at), "id": self.id, "name": None, "service": None,
                "from": None, "reason": "secret", "detail": None, "count": self.unproved})
        return result


class Model:
    def __init__(self):
        self.tokens = []

    def of(self, user):
        return [token for token in self.tokens if token.user == user]

    def choose(self, user, selector, now):
        """The token, or the name of the error and the ids that come into question."""
        best, chosen = 99, []
        for token in self.of(user):
            live = token.live(now)
            if token.id == selector:
                fit = 1 if live else 4
            elif token.name == selector:
                fit = 5 if not live else 3 if token.successor else 2
            elif 4 <= len(selector) < 8 and token.id.startswith(selector):
                fit = 6 if live else 7
            else:
                continue
            if fit < best or (fit == best == 5):
                best, chosen = fit, []
            if fit == best:
                chosen.append(token)
        if len(chosen) == 1:
            return chosen[0], None, None
        ids = [token.id for token in chosen][:8]
        return None, OWN + ("Ambiguous" if chosen else "NotFound"), ids or None

    def name_taken(self, user, name, now, apart=None):
        return any(token.name == name and token.live(now) and not token.successor
                   for token in self.of(user) if token is not apart)

    def count(self, user, now, apart=None):
        return sum(token.live(now) for token in self.of(user) if token is not apart)

    def replaced_by(self, token):
        """What rotation replaced with this one, and with that, and so on: the youngest first."""
        chain, id = [], token.id
        for old in reversed(self.of(token.user)):
            if old.successor == id:
                chain.append(old)
                id = old.id
        return chain

    def add(self, token):
        ended = [t for t in self.of(token.user) if not t.live(token.created)]
        for old in ended[:max(0, len(ended) - ENDED_KEPT)]:
            self.tokens.remove(old)
        self.tokens.append(token)


# --- those who ask


class Varlink:
    """A connection of a user's, or root's, held by a process of theirs."""

    def __init__(self, user):
        self.user = user
        ours, theirs = socket.socketpair()
        self.file = ours.makefile("rwb")
        if os.fork() == 0:
            ours.close()
            entry = pwd.getpwnam(user)
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            try:
                self.serve(theirs.makefile("rwb"))
            finally:
                os._exit(0)
        theirs.close()

    @staticmethod
    def serve(file):
        for line in file:
            calls = json.loads(line)
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(20)
            connection.connect(SOCKET)
            stream = connection.makefile("rb")
            answers = []
            for call in calls:
                connection.sendall(json.dumps(call).encode() + b"\0")
                answer = []
                while not answer or answer[-1].get("continues"):
                    answer.append(Varlink.receive(stream))
                answers.append(answer)
            connection.close()
            file.write(json.dumps(answers).encode() + b"\n")
            file.flush()

    @staticmethod
    def receive(stream):
        message = b""
        while not message.endswith(b"\0"):
            byte = stream.read(1)
            if not byte:
                return {"error": "patd closed the connection"}
            message += byte
        return json.loads(message[:-1])

    def call(self, method, parameters=None, more=False, password=None):
        """(error, parameters of the only reply), or (None, [parameters of each])."""
        calls = []
        if password is not None:
            calls = [{"method": OWN + "Authenticate"},
                     {"method": OWN + "Authenticate", "parameters": {"responses": [password]}}]
        call = {"method": OWN + method, "parameters": parameters or {}}
        if more:
            call["more"] = True
        self.file.write(json.dumps(calls + [call]).encode() + b"\n")
        self.file.flush()
        answers = json.loads(self.file.readline())
        if password is not None:
            check("authentication", answers[1][0].get("parameters", {}).get("authenticated"), True)
        replies = answers[-1]
        if "error" in replies[0]:
            return replies[0]["error"], replies[0].get("parameters", {})
        if more:
            return None, [reply["parameters"] for reply in replies]
        return None, replies[0]["parameters"]


class World:
    def __init__(self, seed, drive, passwords):
        self.random = random.Random(seed)
        self.drive, self.passwords = drive, passwords
        self.users = sorted(passwords)
        self.peers = {user: Varlink(user) for user in self.users + ["root"]}
        self.model = Model()
        self.counts = collections.Counter()
        self.brief = 0
        self.trace = collections.deque(maxlen=15)

    # Whatever is asked is answered in one second, or the model does not know which it was.

    def settle(self):
        while True:
            now = time.time()
            ends = [t.expires for t in self.model.tokens if t.expires and t.revoked is None]
            late = [end for end in ends if end - MARGIN < now < end + 0.02]
            # The clock of time(2) is a tick behind this one.
            if not late and now % 1 > 0.02:
                break
            time.sleep(max(late) + 0.03 - now if late else 0.02)

    def ask(self, who, method, parameters=None, **options):
        self.settle()
        self.trace.append((who, method, parameters, *options.items()))
        self.began = int(time.time())
        error, answer = self.peers[who].call(method, parameters, **options)
        self.ended = int(time.time())
        self.trace.append(("answer", error, answer))
        return error, answer

    def moment(self, what, when):
        if not self.began <= when <= self.ended:
            raise Difference(f"{what} is {when}, not from {self.began} to {self.ended}")
        return when

    def refused(self, error, answer, want, **extra):
        check("error", error, want)
        if not isinstance(answer.get("message"), str) or not answer["message"]:
            raise Difference(f"no message in {answer}")
        for key, value in extra.items():
            check(f"{key} of the error", answer.get(key), value)

    def pick(self, sequence):
        return self.random.choice(sequence)

    def chance(self, share):
        return self.random.random() < share

    def some(self, sequence, most=3):
        return self.random.sample(sequence, self.random.randint(1, most))

    # Who asks, and whose tokens are meant.

    def owner(self):
        user = self.pick(self.users)
        if self.chance(0.4):
            return "root", user, {"user": user}
        return user, user, {}

    def selector(self, user):
        tokens = self.model.of(user) or self.model.tokens
        if not tokens or self.chance(0.05):
            return self.pick(["00000000", "nobody", "zzzz", ""])
        if self.chance(0.05):
            return self.pick(self.model.tokens).id
        # Rather those that live.
        alive = [token for token in tokens if token.live(time.time())]
        token = self.pick(alive if alive and self.chance(0.8) else tokens)
        return self.pick([token.id, token.id, token.name, token.id[:4], token.id[:7]])

    def chosen(self, who, user, parameters, error, answer):
        """The token that was meant; or None, when the error is as it must be."""
        token, want, ids = self.model.choose(user, parameters["selector"], self.began)
        if token is None:
            self.refused(error, answer, want, ids=ids)
        return token

    def compare(self, token, view):
        check(f"token {token.id}", view, token.view(self.began))

    # --- the verbs

    def create(self):
        who, user, parameters = self.owner()
        parameters["name"] = self.pick(NAMES)
        want, rule = None, None
        uses = self.pick([None, None, None, 1, 2, 4])
        services = self.some(SERVICES) if self.chance(0.9) else None
        sources = self.some(SOURCES) if self.chance(0.4) else None
        end = self.pick(["brief", "default", "hour", "hour", "year", "never", "long", "past"])
        if end == "brief" and self.brief >= 12:
            end = "hour"
        span = {"brief": 4, "hour": 3600, "year": 365 * DAY, "long": 3 * 365 * DAY,
                "past": -10}.get(end)
        expires = span and int(time.time()) + span + (MARGIN > 0)
        for key, value in (("max_uses", uses), ("services", services), ("sources", sources)):
            if value is not None or self.chance(0.5):
                parameters[key] = value
        if end != "default":
            parameters["expires_at"] = "never" if end == "never" else rfc3339(expires)
        description = self.pick([None, "", "für später"])
        if description is not None:
            parameters["description"] = description
        if self.chance(0.05):
            parameters["name"] = self.pick(["", "a\tb", "x" * 101])
            want = OWN + "InvalidName"
        elif end == "past":
            want = VARLINK + "InvalidParameter"
        elif end in ("never", "long"):
            want, rule = OWN + "PolicyViolation", "max_lifetime"
        elif services and self.chance(0.05):
            parameters["services"] = services + ["passwd"]
            want, rule = OWN + "PolicyViolation", "forbidden_services"
        password = self.passwords[user] if who == user and self.chance(0.5) else None
        error, answer = self.ask(who, "Create", parameters, password=password)
        if want is None and self.model.name_taken(user, parameters["name"], self.began):
            want = OWN + "NameTaken"
        if want is None and self.model.count(user, self.began) >= MAX_TOKENS:
            want, rule = OWN + "PolicyViolation", "max_tokens"
        if want is None and who == user and password is None:
            want = OWN + "AuthenticationRequired"
        if want is not None:
            self.refused(error, answer, want, **({"rule": rule} if rule else {}))
            return
        check("error", error, None)
        self.brief += end == "brief"
        created = self.moment("created_at", seconds(answer["info"]["created_at"]))
        self.minted(answer, Token(
            answer["token"], user, name=parameters["name"], description=description or "",
            services=services or ["sshd"], sources=sources or [], max_uses=uses, created=created,
            expires=expires or created + 90 * DAY))

    def minted(self, answer, token):
        self.compare(token, answer["info"])
        if any(token.id == other.id for other in self.model.tokens):
            raise Difference(f"{token.id} twice")
        self.model.add(token)

    def rotate(self):
        who, user, parameters = self.owner()
        parameters["selector"] = self.selector(user)
        overlap = self.pick([None, None, 0, 3600, 3600, 10 * DAY, -1, 32 * DAY])
        if overlap is None and self.brief < 12 and self.chance(0.2):
            overlap = 4
            self.brief += 1
        if overlap is not None:
            parameters["overlap"] = overlap
        password = self.passwords[user] if who == user and self.chance(0.5) else None
        error, answer = self.ask(who, "Rotate", parameters, password=password)
        if overlap is not None and not 0 <= overlap <= 31 * DAY:
            self.refused(error, answer, VARLINK + "InvalidParameter")
            return
        old = self.chosen(who, user, parameters, error, answer)
        if old is None:
            return
        if not old.live(self.began) or old.successor:
            self.refused(error, answer, OWN + "NotLive", status=old.status(self.began))
        elif who == user and password is None:
            self.refused(error, answer, OWN + "AuthenticationRequired")
        elif self.model.count(user, self.began, old) + bool(overlap) >= MAX_TOKENS:
            self.refused(error, answer, OWN + "PolicyViolation", rule="max_tokens")
        else:
            check("error", error, None)
            now = self.moment("created_at", seconds(answer["info"]["created_at"]))
            new = Token(
                answer["token"], user, name=old.name, description=old.description,
                services=old.services, sources=old.sources, max_uses=old.max_uses, created=now,
                expires=now + old.expires - old.created)
            self.minted(answer, new)
            old.successor = new.id
            if overlap:
                old.expires = min(old.expires, now + overlap)
            else:
                old.revoked = now

    def edit(self):
        who, user, parameters = self.owner()
        selector = parameters["selector"] = self.selector(user)
        guess = self.model.choose(user, selector, time.time())[0]
        if self.chance(0.3):
            parameters["name"] = self.pick(NAMES)
        if self.chance(0.3):
            parameters["description"] = self.pick(["", "anew", "für später"])
        if self.chance(0.4):
            parameters["services"] = self.some(guess.services if guess and self.chance(0.6)
                                               else SERVICES, 1)
        if self.chance(0.4):
            parameters["sources"] = self.some(SOURCES, 2)
        if self.chance(0.3):
            base = guess.expires if guess else int(time.time())
            parameters["expires_at"] = self.pick(["never", rfc3339(base), rfc3339(base - 600),
                                                  rfc3339(base + 600)])
        if self.chance(0.3):
            parameters["max_uses"] = self.random.randint(1, 6)
        error, answer = self.ask(who, "Edit", parameters)
        expires = parameters.get("expires_at")
        ends = None if expires in (None, "never") else seconds(expires)
        if ends is not None and ends <= self.began:
            self.refused(error, answer, VARLINK + "InvalidParameter", parameter="expires_at")
            return
        token = self.chosen(who, user, parameters, error, answer)
        if token is None:
            return
        services, sources = parameters.get("services"), parameters.get("sources")
        uses = parameters.get("max_uses")
        wide = None
        if uses and token.max_uses and uses > token.max_uses:
            wide = "max_uses"
        if expires == "never" or (ends and ends > token.expires):
            wide = "expires_at"
        if sources and not sources_within(sources, token.sources):
            wide = "sources"
        if services and not services_within(services, token.services):
            wide = "services"
        name = parameters.get("name")
        if not token.live(self.began):
            self.refused(error, answer, OWN + "NotLive", status=token.status(self.began))
        elif wide:
            self.refused(error, answer, OWN + "Widening", parameter=wide)
        elif name and self.model.name_taken(user, name, self.began, token):
            self.refused(error, answer, OWN + "NameTaken")
        else:
            check("error", error, None)
            token.name = name or token.name
            token.description = parameters.get("description", token.description)
            token.services, token.sources = services or token.services, sources or token.sources
            token.expires, token.max_uses = ends or token.expires, uses or token.max_uses
            self.compare(token, answer["token"])

    def change(self, method, field, live, value):
        who, user, parameters = self.owner()
        parameters["selector"] = self.selector(user)
        fresh = method == "Resume" and who == user
        password = self.passwords[user] if fresh and self.chance(0.5) else None
        error, answer = self.ask(who, method, parameters, password=password)
        if fresh and password is None:
            self.refused(error, answer, OWN + "AuthenticationRequired")
            return None
        token = self.chosen(who, user, parameters, error, answer)
        if token is None:
            return None
        if live and not token.live(self.began):
            self.refused(error, answer, OWN + "NotLive", status=token.status(self.began))
            return None
        check("error", error, None)
        self.set_time(token, field, value, answer["token"])
        return token

    def set_time(self, token, field, value, view):
        if not value:
            setattr(token, field, None)
        elif getattr(token, field) is None:
            setattr(token, field, self.moment(field, seconds(view[field + "_at"]) or 0))
        self.compare(token, view)

    def suspend(self):
        self.change("Suspend", "suspended", True, True)

    def resume(self):
        self.change("Resume", "suspended", True, False)

    def revoke(self):
        token = self.change("Revoke", "revoked", False, True)
        if token is None:
            return
        # What it replaced and still worked has ended with it.
        for old in self.model.replaced_by(token):
            if old.live(self.began):
                _, answer = self.ask("root", "Get", {"user": old.user, "selector": old.id})
                self.set_time(old, "revoked", True, answer["token"])

    def revoke_all(self):
        who, user, parameters = self.owner()
        error, answer = self.ask(who, "RevokeAll", parameters)
        check("error", error, None)
        live = [token for token in self.model.of(user) if token.live(self.began)]
        check("what was revoked", answer["tokens"], [token.id for token in live])
        for token in live:
            self.compare_revoked(token)

    def compare_revoked(self, token):
        began = self.began
        error, answer = self.ask("root", "Get", {"selector": token.id, "user": token.user})
        check("error", error, None)
        self.began = began
        self.set_time(token, "revoked", True, answer["token"])

    def presented(self):
        """A secret, and the token that it is."""
        if not self.model.tokens or self.chance(0.05):
            return self.pick([forge("00000000"), "lnxpat_" + "0" * 57, "no token", ""]), None
        token = self.pick(self.model.tokens)
        if self.chance(0.15):
            return forge(token.id), None
        return token.secret, token

    def by_secret(self, method):
        secret, token = self.presented()
        error, answer = self.ask(self.pick(self.users + ["root"]), method, {"secret": secret})
        if token is None:
            malformed = len(secret) != 64 or secret.endswith("0" * 57)
            self.refused(error, answer, VARLINK + "InvalidParameter" if malformed
                         else OWN + "NotFound")
            return
        check("error", error, None)
        if method == "RevokeSecret":
            self.set_time(token, "revoked", True, answer["token"])
        else:
            self.compare(token, answer["token"])

    def verify(self):
        self.by_secret("Verify")

    def revoke_secret(self):
        self.by_secret("RevokeSecret")

    def list(self):
        who, user, parameters = self.owner()
        parameters["ended"] = ended = self.chance(0.5)
        everybody = self.chance(0.2)
        if everybody:
            parameters["all_users"] = True
        error, answer = self.ask(who, "List", parameters, more=True)
        if everybody and who != "root":
            self.refused(error, answer, OWN + "PermissionDenied")
            return
        check("error", error, None)
        want = [token.view(self.began)
                for token in (self.model.tokens if everybody else self.model.of(user))
                if ended or token.live(self.began)]
        got = [reply["token"] for reply in answer[:-1]]
        check("the last reply", answer[-1], {"token": None})
        if everybody:
            got.sort(key=lambda view: view["id"])
            want.sort(key=lambda view: view["id"])
        check("the list", got, want)

    def another(self):
        """A user acts for another, which is for root."""
        one, other = self.random.sample(self.users, 2)
        method = self.pick(["Create", "Rotate", "Edit", "Suspend", "Resume", "List", "Get",
                            "Refusals", "Policy", "Revoke", "RevokeAll"])
        parameters = {"user": other}
        if method == "Create":
            parameters["name"] = "evil"
        elif method in ("Rotate", "Edit", "Suspend", "Resume", "Get", "Revoke"):
            parameters["selector"] = self.selector(other)
        error, answer = self.ask(one, method, parameters, more=method == "List")
        self.refused(error, answer, OWN + "PermissionDenied")

    def compare_events(self, got, want):
        def key(event):
            return json.dumps(event, sort_keys=True)
        check("the times of events", [e["time"] for e in got], sorted(e["time"] for e in got))
        got, want = [collections.Counter(map(key, events)) for events in (got, want)]
        check("the events", sorted(got - want), sorted(want - got))

    def show(self, token=None):
        if token is not None:
            who, user, parameters = "root", token.user, {"selector": token.id}
        else:
            who, user, parameters = self.owner()
            parameters["selector"] = self.selector(user)
        error, answer = self.ask(who, "Get", parameters)
        token = self.chosen(who, user, parameters, error, answer)
        if token is None:
            return
        check("error", error, None)
        self.compare(token, answer["token"])
        want = token.events()
        for leak in self.model.replaced_by(token):
            want += leak.events(refusals=True, unproved=False, only="rotated")
        self.compare_events(answer["events"], want)

    def why(self):
        who, user, parameters = self.owner()
        since = self.pick([0, int(time.time()) - 1, int(time.time()) - 10])
        if since:
            parameters["since"] = rfc3339(since)
        error, answer = self.ask(who, "Refusals", parameters, more=True)
        check("error", error, None)
        answer = {"events": [reply["event"] for reply in answer[:-1]]}
        want = []
        for token in self.model.of(user):
            want += token.events(refusals=True, since=since)
        self.compare_events(answer["events"], want)

    def login(self):
        secret, token = self.presented()
        user = token.user if token and self.chance(0.85) else self.pick(self.users)
        service, rhost = self.pick(SERVICES), self.pick(HOSTS)
        if token and self.chance(0.6):
            service = self.pick(token.services)
            service = service if service in SERVICES else "probe"
        # By root: the module itself. By a user: patd, which tells each but of themselves.
        who = self.pick(["root", user, self.pick(self.users)])
        command = [self.drive, *(["-r", rhost] if rhost else []), service, user]
        became = {} if who == "root" else {
            "user": who, "group": pwd.getpwnam(who).pw_gid, "extra_groups": []}
        self.settle()
        while time.time() % 1 > 0.9:
            time.sleep(0.02)
            self.settle()
        self.trace.append((who, command, secret))
        self.began = int(time.time())
        output = subprocess.run(command, input=secret + "\n", stdout=subprocess.PIPE, text=True,
                                stderr=subprocess.DEVNULL, timeout=20, check=False, **became).stdout
        self.ended = int(time.time())
        self.trace.append(("answer", output))
        asked = who in ("root", user)
        reason = token.judge(user, service, rhost, self.began) if token else "secret"
        accepted = asked and reason is None
        check(f"login by {who} at {service} from {rhost} as {user}",
              output.split()[:1], ["auth=" + ("success" if accepted else "auth_err")]
              if secret.startswith("lnxpat_") else output.split()[:1])
        check("which token it was", output.split()[-1:],
              ["id=" + (token.id if accepted else "none")])
        if secret.startswith("lnxpat_") is False and output.startswith("auth=success"):
            raise Difference("a login without a token")
        if not asked:
            return
        known = [t for t in self.model.tokens if t.id == secret[7:15]]
        if token is not None:
            token.note(Event(self.when(token), service, rhost, reason))
            self.show(token)
        elif known:
            known[0].unproved += 1
            known[0].unproved_at = self.when(known[0])
            self.show(known[0])

    def when(self, token):
        """When that was noted: patd may have done so in the next second already."""
        if self.began == self.ended:
            return self.began
        began, ended = self.began, self.ended
        _, answer = self.ask("root", "Get", {"selector": token.id})
        self.began, self.ended = began, ended
        return self.moment("an event", max(seconds(e["time"]) for e in answer["events"]
                                           if e["id"] == token.id))

    WEIGHTS = {
        "create": 14, "rotate": 9, "edit": 10, "suspend": 5, "resume": 5, "revoke": 3,
        "revoke_all": 1, "revoke_secret": 2, "verify": 5, "list": 8, "show": 6, "why": 6,
        "login": 30, "another": 3,
    }

    def run(self, operations, length):
        began, done = time.monotonic(), 0
        # Before the first, there is no store, and a login cannot be decided.
        while not self.model.tokens:
            self.create()
        while done < operations or time.monotonic() - began < length:
            verb = self.random.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
            self.trace.append((f"operation {done}: {verb}",))
            getattr(self, verb)()
            self.counts[verb] += 1
            done += 1
            if done % 400 == 0:
                self.brief = 0


def main():
    seed, operations, length, drive, path = sys.argv[1:]
    with open(path) as file:
        passwords = dict(line.rstrip("\n").split(" ", 1) for line in file)
    world = World(int(seed), drive, passwords)
    try:
        world.run(int(operations), float(length))
    except Difference as difference:
        print(difference)
        print("what went before:")
        for entry in world.trace:
            print(" ", *entry)
        return 1
    for verb, count in sorted(world.counts.items()):
        print(verb, count)
    return 0


sys.exit(main())
