# SPDX-License-Identifier: ISC
"""What is done while something fails, and what must be true afterwards."""

import difflib
import errno
import json
import os
import time

from faults_plan import (
    CALLS, DESCENDANTS, EVERYTHING, LOADER, MEMORY, MODULE_ONLY, STORE, STORE_DIR, TELLING, Keep, Plan, Ran,
    log_since, log_size, must, patctl, senseless, tokens, uses)

FAILED, UNREACHABLE, AUTHENTICATION = 1, 6, 4


def differences(wanted, got):
    """The lines that are in only one of two texts."""
    lines = difflib.unified_diff(wanted.splitlines(), got.splitlines(), n=0, lineterm="")
    return " / ".join(line.strip() for line in list(lines)[3:])[:300]


class Scenario:
    """An operation, in which something fails, and what it must leave behind. `plan` is the one of
    the program that is to fail."""
    who = DESCENDANTS
    mask = CALLS
    own_plan = False
    what_fails = "patd"
    orphans = False
    lasting = True  # also with faults that stay

    def __init__(self, patd_plan):
        self.patd_plan = patd_plan
        self.plan = Plan(os.environ["FAIL_PLAN"] + ".own") if self.own_plan else patd_plan
        self.env = ({"LD_PRELOAD": os.environ["FAIL_SO"], "PAT_FAIL": self.plan.path}
                    if self.own_plan else {})

    def prepare(self):
        """Once, before all."""

    def before(self):
        """Before each."""

    def act(self):
        raise NotImplementedError

    def succeeded(self, ran):
        return ran.status == 0

    def judge(self, ran, log):
        """What is wrong afterwards: lines."""
        raise NotImplementedError


class Verb(Scenario):
    """A change that patctl asks patd for, as root: the old state or the new, and the next try does
    it."""
    arguments = ()
    fresh_store = False
    orphans = True

    def prepare(self):
        for name in ("keep", "target"):
            must(["patctl", "create", name, "--service", "probe", "--user", "alice"])
        self.more()
        self.keep = Keep()
        if self.fresh_store:
            self.before()
            self.old = {}
        else:
            self.old = tokens()
        ran = self.run({})
        if ran.status != 0:
            raise SystemExit(f"without any fault: {ran}")
        self.new = tokens()

    def more(self):
        pass

    def before(self):
        self.keep.restore()
        if self.fresh_store:
            os.unlink(STORE)

    def run(self, env):
        return patctl(*self.arguments, env=env)

    def act(self):
        return self.run(self.env)

    def undone(self, state):
        """The same as the old state, as far as anybody is let in."""
        return state == self.old

    def judge(self, ran, log):
        state = tokens()
        if ran.status == 0:
            if state != self.new:
                yield f"was acknowledged, and is not so: {state}"
        else:
            yield from self.judge_message(ran, log)
            # Who was cut off cannot know, nor can anybody whose disk does not answer any more.
            unknown = ran.status == UNREACHABLE or self.plan.forever or self.told_so(ran)
            if state != self.old and not self.undone(state) and not (state == self.new and unknown):
                yield f"failed, and the old state is not whole: {ran}: {state}"
        if ran.status == 0 or self.cannot_again(state):
            return
        again = self.run({})
        if again.status != 0:
            yield f"the next try fails, too: {again}"
        elif not self.fresh_store and not self.came_true(tokens()):
            yield f"the next try does something else: {tokens()}"

    def cannot_again(self, state):
        return state == self.new

    def told_so(self, _ran):
        """Whether it was said that it may have been done."""
        return False

    def came_true(self, state):
        return all(name in state for name in self.new)

    def judge_message(self, ran, log):
        wrong = senseless(ran.err, "patctl")
        if wrong:
            yield wrong
        if ran.status not in (FAILED, UNREACHABLE, AUTHENTICATION):
            yield f"the exit status says something that is not so: {ran}"
        if self.what_fails != "patd" or self.plan.fired == 0:
            return
        telling = TELLING.get(self.plan.error)
        if telling and ran.status == FAILED and telling not in ran.err:
            yield f"nobody is told that it is: {telling}"
        if ran.status == FAILED and "patd[" not in log_since(self.log_from, "patd["):
            yield f"nothing is in the log: {ran}"


class Create(Verb):
    arguments = ("create", "another", "--service", "probe")

    def undone(self, state):
        # One that could not be told to its owner is revoked again.
        return {name: terms for name, terms in state.items() if name != "another/revoked"} == self.old


class First(Create):
    """The store itself is made."""
    fresh_store = True


class Mint(Create):
    """By alice, with her password."""

    def run(self, env):
        command = ["setpriv", "--reuid=alice", "--regid=1001", "--clear-groups",
                   "patctl", "create", "another", "--service", "probe", "--password-stdin"]
        return Ran(command, os.environ["ALICE"] + "\n", env)


class Rotate(Verb):
    """If the new one could not be told to its owner, it is revoked again; the old one has ended by then."""
    arguments = ("rotate", "target")

    def undone(self, state):
        return {name: terms for name, terms in state.items() if name != "target/revoked"} == {
            name: terms for name, terms in self.old.items() if name != "target/active"}

    def cannot_again(self, state):
        return super().cannot_again(state) or "target/active" not in state

    def judge(self, ran, log):
        yield from super().judge(ran, log)
        state = tokens()
        told = ran.status == UNREACHABLE or self.told_so(ran)
        if ran.status != 0 and not told and not any("target/" in name for name in self.old.keys() & state.keys()):
            yield f"nobody is told that the old one has ended: {ran}"


class Revoke(Verb):
    arguments = ("revoke", "target")


class RevokeAll(Verb):
    arguments = ("revoke", "--all")


class Edit(Verb):
    arguments = ("edit", "target", "--name", "other")


class Suspend(Verb):
    arguments = ("suspend", "target")


class Resume(Verb):
    arguments = ("resume", "target")

    def more(self):
        must(["patctl", "suspend", "target", "--user", "alice"])


class List(Verb):
    """Who is shown something is shown all of it."""
    arguments = ("list", "--json")

    def prepare(self):
        super().prepare()
        self.all = self.run({}).out

    def judge(self, ran, log):
        yield from super().judge(ran, log)
        if ran.status == 0 and ran.out != self.all:
            yield f"what is shown is not all: {differences(self.all, ran.out)}"


# Where these fail for good, what was begun cannot be taken away either.
NOTHING_CAN_BE_REMOVED = (errno.EIO, errno.EROFS, errno.EACCES)


class Rewriting(Verb):
    """What writes a file beside and puts it in place: of one that fails nothing stays, or the next takes it away."""
    own_plan, who = True, LOADER

    def beside(self):
        return set(os.listdir(STORE_DIR)) - {"tokens.tdb", "tokens.tdb.lock"}

    def cannot_remove(self):
        return self.plan.what.startswith("unlink") or self.plan.forever

    def judge(self, ran, log):
        left = self.beside()
        if left and not (self.cannot_remove() and self.plan.error in NOTHING_CAN_BE_REMOVED):
            yield f"left behind: {left}"
        yield from super().judge(ran, log)


# What the system tells.
REASONS = {os.strerror(number) for number in errno.errorcode}


class Sweep(Rewriting):
    """patd --sweep, which takes away one that ended long ago, and writes the store anew, most of which is free."""
    what_fails = "sweep"

    def told_so(self, ran):
        # The tokens of others may be what it could not sweep.
        return '"target"' in ran.out

    def judge(self, ran, log):
        yield from super().judge(ran, log)
        # It may have done its own work by then, and then has no need of another try.
        if self.beside():
            self.run({})

    def more(self):
        must(["patctl", "revoke", "target", "--user", "alice"])
        with open("/etc/security/pat.conf", "w", encoding="ascii") as file:
            file.write("max_tokens = 1000\nkeep_revoked = 1s\n")
        time.sleep(1.2)

    def run(self, env):
        return Ran(["patd", "--sweep"], env=env)

    def judge_message(self, ran, log):
        wrong = senseless(ran.err, "patd")
        if wrong:
            yield wrong
        telling = TELLING.get(self.plan.error)
        if telling and telling not in ran.err:
            yield f"nobody is told that it is: {telling}: {ran}"
        # First of whose tokens it is, and of the store in the end.
        told = [line.rpartition(": ")[2] for line in ran.err.splitlines()]
        if told and told[0] in REASONS and told[-1] in REASONS | {"input/output failed"}:
            if told[0] != told[-1]:
                yield f"the reason was lost: {ran}"


class SweepMemory(Sweep):
    mask = MEMORY


class Patctl:
    """patctl itself fails, not patd, which may have done it by then: once more is no harm."""
    own_plan, who, what_fails, mask = True, LOADER, "patctl", EVERYTHING

    def told_so(self, ran):
        return True


class PatctlMints(Patctl):
    """Whose token nobody has seen is told to look for it."""

    def told_so(self, ran):
        return "patctl list" in ran.err


class PatctlCreate(PatctlMints, Create):
    pass


class PatctlRotate(PatctlMints, Rotate):
    def told_so(self, ran):
        return super().told_so(ran) or "The one before has ended." in ran.err


class PatctlRevoke(Patctl, Revoke):
    pass


class PatctlList(Patctl, List):
    pass


class Patstore(Scenario):
    """A command of patstore's that only looks: right, or an error, and nothing is different."""
    own_plan, who, mask, what_fails = True, LOADER, EVERYTHING, "patstore"
    command = ("check",)

    def prepare(self):
        for name in ("keep", "target"):
            must(["patctl", "create", name, "--service", "probe", "--user", "alice"])
        self.keep = Keep()
        self.right = must(["patstore", *self.command])

    def act(self):
        return Ran(["patstore", *self.command], env=self.env)

    def told_of_damage(self, _said):
        return False

    def judge(self, ran, log):
        # For the last of it, it needs a process of its own.
        said = ran.out.replace("the file: its structure could not be checked\n", "")
        if ran.status == 0 and said != self.right and not self.told_of_damage(said):
            yield f"says something that is not so: {ran.out[:200]!r}"
        elif ran.status != 0 and self.right != ran.out:
            if not ran.out:
                wrong = senseless(ran.err, "patstore")
                if wrong:
                    yield wrong
        with open(STORE, "rb") as file:
            if file.read() != self.keep.data:
                yield "the store was written to"


class PatstoreStats(Patstore):
    command = ("stats", "--json")

    def told_of_damage(self, said):
        # As a sector that cannot be read is, whatever it was.
        return self.plan.error == errno.EIO and json.loads(said)["faults"] > 0


class PatstoreRebuild(Rewriting):
    mask, what_fails = EVERYTHING, "patstore"

    def run(self, env):
        return Ran(["patstore", "rebuild"], env=env)

    def judge(self, ran, log):
        yield from super().judge(ran, log)
        if ran.status != 0:
            again = self.run({})
            if again.status != 0:
                yield f"the next try fails, too: {again}"
        # Its name has the number of its process in it, which no other has.
        left = {name for name in self.beside() if not (self.cannot_remove() and name.endswith(".tmp"))}
        if left:
            yield f"left behind by the next try, too: {left}"

    def judge_message(self, ran, log):
        wrong = senseless(ran.err, "patstore")
        if wrong:
            yield wrong


class PatstoreBackup(PatstoreRebuild):
    def before(self):
        super().before()
        for name in os.listdir("/root"):
            if name.startswith("backup"):
                os.unlink("/root/" + name)

    def beside(self):
        return {name for name in os.listdir("/root") if name.startswith("backup.")} - {"backup.lock"}

    def run(self, env):
        return Ran(["patstore", "backup", "--force", "/root/backup"], env=env)

    def judge(self, ran, log):
        if ran.status == 0 and Ran(["patstore", "check", "--store", "/root/backup"]).status != 0:
            yield "a backup that is none"
        yield from super().judge(ran, log)


class PatstoreRestore(PatstoreRebuild):
    """What a token was revoked by stays; what is lost comes back."""

    def more(self):
        without = Keep()
        must(["patctl", "create", "lost", "--service", "probe", "--user", "alice"])
        must(["patstore", "backup", "--force", "/root/backup"])
        without.restore()
        must(["patctl", "revoke", "keep", "--user", "alice"])

    def told_so(self, ran):
        # It may have failed after all was in place: once more is no harm.
        return ran.status == FAILED

    def run(self, env):
        return Ran(["patstore", "restore", "/root/backup"], env=env)


class Login(Scenario):
    """A login in one process, through the stack `service`; `fails` is where."""
    service, token, allowed, wanted = "probe", "good", ("success", "system_err"), "success"
    own_plan, who, mask, what_fails = True, MODULE_ONLY, CALLS, "module"

    def prepare(self):
        with open(os.environ["LOG"] + ".tokens", encoding="ascii") as file:
            self.tokens = dict(line.split() for line in file)
        self.keep = Keep()
        self.fds = None

    def before(self):
        self.keep.restore()
        if self.token == "counted":
            self.uses = uses("counted")

    def act(self):
        return Ran([os.environ["DRIVE"], self.service, "alice"], self.tokens[self.token] + "\n", self.env)

    def succeeded(self, ran):
        wanted = self.allowed[0] if self.token not in ("good", "counted") else "success"
        return f"auth={wanted} " in ran.out

    def judge(self, ran, log):
        answers = dict(word.split("=") for word in ran.out.split() if "=" in word)
        answer = answers.get("auth", "none")
        allowed = (*self.allowed, "system_err") if self.plan.forever else self.allowed
        if ran.status != 0 or answer not in allowed:
            told = log_since(self.log_from, " token ").strip().splitlines()
            yield f"{self.token} is answered {answer!r}: {ran}: {' '.join(told)[:600]}"
        # Logging takes memory, too.
        if self.mask & MEMORY and self.plan.error == errno.ENOMEM:
            pass
        elif answer == "system_err" and "<82>" not in log_since(self.log_from, "reason=unavailable"):
            yield "that no answer can be had is not in the log as critical"
        elif answer == "auth_err" and "refused token" not in log_since(self.log_from, "refused token"):
            yield "the refusal is not in the log"
        if self.own_plan:
            if self.fds is None:
                self.fds = self.plan.fds
            elif self.plan.fds != self.fds:
                yield f"{self.plan.fds} descriptors are open at the end, not {self.fds}"
        if self.token == "counted":
            now = uses("counted")
            if not self.uses + (answer == "success") <= now <= self.uses + 1:
                yield f"{self.uses} uses became {now}, answered {answer}"
        if self.token in ("good", "counted"):
            log_from = log_size()
            again = Ran([os.environ["DRIVE"], self.service, "alice"], self.tokens[self.token] + "\n")
            if "auth=success" not in again.out:
                yield f"the next login fails, too: {again}"
            elif "could not be stamped" in log_since(log_from, "accepted token"):
                yield "nor is the use of the next one stamped"


class Directly(Login):
    """The module decides by itself, and there is no patd to ask."""
    service = "alone"


class DirectlyCounted(Directly):
    token = "counted"


class DirectlyOrNot(Login):
    """The module decides by itself, or else asks patd: one fault keeps nobody out."""
    allowed = ("success",)


class ModuleMemory(DirectlyOrNot):
    mask, allowed = MEMORY, ("success", "system_err")


class ModuleAsks(Login):
    service = "remote"


class Refused:
    allowed = ("auth_err", "system_err")


class WrongDirectly(Refused, Directly):
    token = "forged"


class WrongAsked(Refused, ModuleAsks):
    token = "forged"


class RevokedDirectly(Refused, Directly):
    token, mask = "revoked", EVERYTHING


class OthersDirectly(Refused, Directly):
    token = "bobs"


class PasswordDirectly(Directly):
    token, allowed, mask = "password", ("authinfo_unavail",), EVERYTHING


class PatdVerifies(Login):
    """The same in patd's child, where somebody must not open the store."""
    service, own_plan, who, what_fails = "remote", False, DESCENDANTS, "patd"


class PatdVerifiesMemory(PatdVerifies):
    mask = MEMORY


class PatdCounts(PatdVerifies):
    token = "counted"


class PatdWrong(Refused, PatdVerifies):
    token, mask = "forged", EVERYTHING


class PatdItself(PatdVerifies):
    """The parent: it goes on."""
    who, mask = LOADER, EVERYTHING


class PatdItselfMints(Create):
    """While nobody is let in, patctl waits for its 30 s."""
    who, mask, lasting = LOADER, EVERYTHING, False


class CreateMemory(Create):
    mask = MEMORY


class RotateMemory(Rotate):
    """Whoever has no memory finds out before the old one ends."""
    mask = MEMORY

    def undone(self, state):
        return state == self.old


class RevokeMemory(Revoke):
    mask = MEMORY


class RevokeAllMemory(RevokeAll):
    mask = MEMORY


class ListMemory(List):
    mask = MEMORY


SCENARIOS = [
    "Create", "CreateMemory", "Mint", "First", "Rotate", "RotateMemory", "Revoke", "RevokeMemory", "RevokeAll",
    "RevokeAllMemory", "Edit", "Suspend", "Resume", "List", "ListMemory", "PatctlCreate", "PatctlRotate",
    "PatctlRevoke", "PatctlList", "PatdItself", "PatdItselfMints", "Patstore", "PatstoreStats", "Directly",
    "DirectlyCounted", "DirectlyOrNot", "ModuleMemory", "ModuleAsks", "PatdVerifies", "PatdVerifiesMemory",
    "PatdCounts", "WrongDirectly", "WrongAsked", "RevokedDirectly", "OthersDirectly", "PatdWrong",
    "PasswordDirectly", "Sweep", "SweepMemory",
]
TOOLS = {"backup": "PatstoreBackup", "restore": "PatstoreRestore", "rebuild": "PatstoreRebuild"}


def scenarios():
    """Those of the commands that patstore has, too."""
    help_text = must(["patstore", "--help"])
    return SCENARIOS + [name for command, name in TOOLS.items() if command in help_text]
