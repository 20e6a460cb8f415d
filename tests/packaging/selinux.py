#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""selinux.py POLICY: asks a compiled SELinux policy with pam_pat in it what it allows, as TAP.

What an attribute allows, its types may; a rule in a condition counts as the booleans stand.
"""

import sys

import setools

STORE, RUN, VERIFY = "pat_var_lib_t", "pat_var_run_t", "pat_verify_var_run_t"
READ, WRITE = ["open", "read"], ["open", "write"]


class Policy:
    def __init__(self, path):
        self.policy = setools.SELinuxPolicy(path)
        self.booleans = {str(b): b.state for b in self.policy.bools()}
        self.known = {}
        self.allowed = {}  # (target, class): the rules with their sources
        for rule in self.policy.terules():
            if rule.ruletype == setools.TERuletype.allow:
                key = str(rule.target), str(rule.tclass)
                self.allowed.setdefault(key, []).append((str(rule.source), rule))

    def in_force(self, rule, changed):
        try:
            condition = rule.conditional
        except setools.exception.RuleNotConditional:
            return True
        states = {str(b): changed.get(str(b), self.booleans[str(b)]) for b in condition.booleans}
        return bool(condition.evaluate(**states)) == rule.conditional_block

    def names(self, name):
        """The type and its attributes: rules may speak of any of them."""
        if name not in self.known:
            symbol = self.policy.lookup_type(name)
            self.known[name] = [name, *map(str, symbol.attributes())]
        return self.known[name]

    def rules(self, source, target, tclass, changed=None):
        sources = set(self.names(source)) if source else None
        found = []
        for name in self.names(target):
            for rule_source, rule in self.allowed.get((name, tclass), ()):
                if (sources is None or rule_source in sources) and self.in_force(rule, changed or {}):
                    found.append(rule)
        return found

    def permissions(self, source, target, tclass, **changed):
        """What the one may do to the other."""
        found = set()
        for rule in self.rules(source, target, tclass, changed):
            found |= rule.perms
        return found

    def may(self, source, target, tclass, perms, **changed):
        return set(perms) <= self.permissions(source, target, tclass, **changed)

    def sources(self, target, tclass, perms):
        """All types that may do all of it."""
        have = {}
        for rule in self.rules(None, target, tclass):
            for source in rule.source.expand():
                have.setdefault(str(source), set()).update(rule.perms)
        return {source for source, found in have.items() if set(perms) <= found}

    def has(self, name):
        try:
            self.policy.lookup_type_or_attr(name)
        except setools.exception.InvalidSymbol:
            return False
        return True


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, text, passed, why=""):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {text}")
        if not passed and why:
            print(f"# {why}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def about_patd(tap, p):
    def may(text, *what):
        tap.ok(f"patd may {text}", p.may("patd_t", *what), what)

    def may_not(text, *what):
        found = p.permissions("patd_t", *what[:2]) & set(what[2])
        tap.ok(f"patd may not {text}", not found, f"{what}: {sorted(found)}")

    may("keep the store", STORE, "file", ["create", "read", "write", "lock", "rename", "unlink"])
    may("make files beside it", STORE, "dir", ["add_name", "remove_name", "write"])
    may("make its sockets", RUN, "sock_file", ["create", "rename", "setattr", "unlink"])
    may("make that of pam_pat", VERIFY, "sock_file", ["create", "rename", "setattr", "unlink"])
    may("listen", "patd_t", "unix_stream_socket", ["accept", "bind", "create", "listen"])
    may("read shadow", "shadow_t", "file", READ)
    may("have unix_chkpwd run", "chkpwd_t", "process", ["transition"])
    may("have it run without new privileges", "chkpwd_t", "process2", ["nnp_transition"])
    may("write audit records", "patd_t", "netlink_audit_socket", ["create", "nlmsg_relay", "write"])
    may("be root", "patd_t", "capability", ["audit_write", "chown", "dac_override", "dac_read_search",
        "kill", "setgid", "setpcap", "setuid"])
    may("log", "devlog_t", "sock_file", ["write"])
    may("keep pam_faillock's counters", "faillog_t", "file", WRITE)

    may_not("be more than that", "patd_t", "capability", ["sys_admin", "sys_module", "sys_ptrace",
        "sys_rawio", "sys_chroot", "net_admin", "net_raw", "fowner", "linux_immutable", "mknod"])
    may_not("write shadow", "shadow_t", "file", ["append", "create", "write"])
    may_not("write configuration", "etc_t", "file", ["append", "create", "write"])
    may_not("read homes", "user_home_t", "file", ["open", "read", "write"])
    may_not("run a shell", "shell_exec_t", "file", ["execute"])
    may_not("run what users write", "user_home_t", "file", ["execute", "execute_no_trans"])
    may_not("run its own memory", "patd_t", "process", ["execmem", "execstack", "execheap", "ptrace"])
    may_not("load a policy", "security_t", "security", ["load_policy", "setenforce", "setbool"])
    entries = {target for (target, tclass), rules in p.allowed.items() if tclass == "file"
               for source, rule in rules
               if source in p.names("patd_t") and "entrypoint" in rule.perms}
    tap.ok("only patd's program leads to its domain", entries == {"patd_exec_t"}, entries)
    starts = [r for r in setools.TERuleQuery(p.policy, ruletype=["type_transition"], tclass=["process"],
              default="patd_t").results()]
    tap.ok("init starts it there", any(str(r.source) == "init_t" for r in starts))


def about_init(tap, p):
    for target in RUN, VERIFY:
        tap.ok(f"systemd may make sockets of {target}",
               p.may("init_t", target, "sock_file", ["create", "unlink", "setattr"]))
    tap.ok("and listen on them for patd",
           p.may("init_t", "patd_t", "unix_stream_socket", ["bind", "create", "listen"]))
    tap.ok("and start it without new privileges",
           p.may("init_t", "patd_t", "process2", ["nnp_transition"]))


def may_ask(p, domain, **changed):
    return p.may(domain, "patd_t", "unix_stream_socket", ["connectto"], **changed) and \
        p.may(domain, VERIFY, "sock_file", WRITE, **changed) and \
        p.may(domain, RUN, "dir", ["search"], **changed) and \
        p.may(domain, domain, "unix_stream_socket", ["connect", "create"], **changed)


def about_logins(tap, p):
    for domain in "sshd_t", "sshd_session_t", "local_login_t", "remote_login_t":
        if not p.has(domain):
            continue
        tap.ok(f"{domain} may check tokens in the store",
               p.may(domain, STORE, "file", [*READ, "write", "lock", "getattr"]) and
               p.may(domain, STORE, "dir", ["search"]) and p.may(domain, "shadow_t", "file", READ))
        tap.ok(f"{domain} may not replace or grow it", not p.permissions(domain, STORE, "file") &
               {"create", "unlink", "rename", "setattr", "append", "link", "relabelto"} and
               not p.may(domain, STORE, "dir", ["add_name"]))
        tap.ok(f"{domain} may ask patd", may_ask(p, domain))
        off = {"pat_login_direct": False}
        tap.ok(f"{domain}, with pat_login_direct off, may only do that",
               may_ask(p, domain, **off) and not p.permissions(domain, STORE, "file", **off) & set(READ))
    for domain in ("xdm_t", "dovecot_auth_t", "ftpd_t", "saslauthd_t", "cockpit_session_t",
                   "user_sudo_t", "staff_sudo_t", "sysadm_sudo_t", "user_su_t", "staff_su_t",
                   "sysadm_su_t", "user_t", "staff_t", "sysadm_t"):
        if p.has(domain):
            tap.ok(f"{domain} may ask patd", may_ask(p, domain))
    for domain in "user_t", "staff_t", "sysadm_t", "useradd_t":
        tap.ok(f"{domain} may manage tokens", p.may(domain, RUN, "sock_file", WRITE) and
               p.may(domain, "patd_t", "unix_stream_socket", ["connectto"]))
    for domain, boolean in ("httpd_t", "pat_httpd"), ("postgresql_t", "pat_postgresql"):
        tap.ok(f"{domain} may not ask patd", not may_ask(p, domain))
        tap.ok(f"{domain} may with {boolean}", may_ask(p, domain, **{boolean: True}))
        tap.ok(f"{domain}: and not open the store then",
               not p.permissions(domain, STORE, "file", **{boolean: True}) & {"open", "read", "write"})


def about_others(tap, p):
    for domain in ("user_t", "staff_t", "user_sudo_t", "staff_sudo_t", "user_su_t", "httpd_t",
                   "postgresql_t", "guest_t", "dovecot_auth_t", "automount_t"):
        if p.has(domain):
            found = p.permissions(domain, STORE, "file") & {"open", "read", "write", "append", "map"}
            tap.ok(f"{domain} may not read or write the store", not found, sorted(found))
    ours = {"patd_t", "sshd_t", "sshd_session_t", "local_login_t", "remote_login_t"}
    for perms in READ, WRITE, ["create"], ["unlink"], ["setattr"], ["relabelfrom"]:
        more = p.sources(STORE, "file", perms) - p.sources("shadow_t", "file", perms) - ours
        tap.ok(f"the store is as closed as shadow: {' and '.join(perms)}", not more, sorted(more))
    for target in RUN, VERIFY:
        more = {d for d in p.sources(target, "sock_file", ["create"])
                if p.may(d, target, "dir", ["add_name"])} - {"patd_t", "init_t"}
        system = p.sources("etc_t", "file", ["create"])
        tap.ok(f"only who may also write /etc may put a socket in place of {target}",
               not more - system, sorted(more - system))
    more = p.sources("patd_t", "process", ["ptrace"]) - p.sources("sshd_t", "process", ["ptrace"])
    tap.ok("nobody may trace patd who may not trace sshd", not more, sorted(more))
    for domain in "user_t", "httpd_t", "guest_t":
        tap.ok(f"{domain} may not become patd",
               not p.may(domain, "patd_t", "process", ["transition"]))


def main():
    tap, policy = Tap(), Policy(sys.argv[1])
    for about in about_patd, about_init, about_logins, about_others:
        about(tap, policy)
    return tap.end()


sys.exit(main())
