#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Holds what strace saw against an AppArmor profile, for a kernel that has no AppArmor.

apparmor.py PROFILE OWN TRACE...: PROFILE is what `apparmor_parser -p` makes of the profile OWN, with all
that it includes; each TRACE is of one process (strace -ff -y). Prints `denied: ACCESS PATH` for each
access that the profile does not allow, `unused: RULE` for each rule for files of OWN that nothing needed, and
`accesses: NUMBER`.

What stat(2) tells AppArmor allows always. A name is the one that the kernel resolved, as strace -y shows
for descriptors; names that are not opened are taken as they were said.
"""

import os
import re
import sys

CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+)(?:<([^>]*)>)?")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
RULE = re.compile(r'^\s*(?:owner\s+)?("?[/@][^\s"]*"?)\s+([rwaxmklipPcCuU]+),')
VARIABLE = re.compile(r"^\s*@\{(\w+)\}\s*\+?=\s*(.*)$")


def variables(lines):
    found = {}
    for line in lines:
        match = VARIABLE.match(line)
        if match:
            found.setdefault(match[1], []).extend(match[2].split("#")[0].replace('"', "").split())
    return found


def expand(path, values):
    """apparmor.d(5): @{NAME} stands for each of its values."""
    match = re.search(r"@\{(\w+)\}", path)
    if not match:
        return [re.sub("//+", "/", path)]
    return [whole for value in values.get(match[1], [])
            for whole in expand(path[:match.start()] + value + path[match.end():], values)]


def pattern(glob):
    """The regular expression of a path with * ** ? [ ] { , }."""
    out, at, depth = "", 0, 0
    while at < len(glob):
        char = glob[at]
        if glob.startswith("**", at):
            out, at = out + ".*", at + 1
        elif char == "*":
            out += "[^/]*"
        elif char == "?":
            out += "[^/]"
        elif char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        elif char == "[":
            end = glob.index("]", at)
            out, at = out + glob[at:end + 1], end
        else:
            out += re.escape(char)
        at += 1
    # A trailing * does not match a directory's own name: it stands for one character at least.
    return re.compile(out.replace("/[^/]*", "/[^/]+") if glob.endswith("/*") else out)


def rules(lines, values):
    for line in lines:
        match = RULE.match(line)
        if match and not line.strip().startswith("deny"):
            for path in expand(match[1].strip('"'), values):
                yield line.strip(), pattern(path), set(match[2])


def accesses(call, arguments, value, target):
    """What a system call that succeeded wanted: (access, path)."""
    names = STRING.findall(arguments)
    described = re.match(r"^\d+<([^>]*)>", arguments)
    if call in ("open", "openat", "creat"):
        if "O_RDWR" in arguments:
            yield "r", target
        if re.search("O_RDWR|O_WRONLY|O_CREAT|O_TRUNC", arguments) or call == "creat":
            yield "w", target
        elif "O_PATH" not in arguments:
            yield "r", target
    elif call.startswith("rename"):
        yield from (("r", names[0]), ("w", names[0]), ("w", names[1]))
    elif call.startswith("link"):
        yield "l", names[1]
    elif call in ("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmodat", "chown", "lchown",
                  "fchownat", "truncate", "utimensat"):
        if names:
            yield "w", names[0]
    elif call in ("fchmod", "fchown", "ftruncate"):
        yield "w", described[1]
    elif call in ("connect", "bind"):
        match = re.search(r'sun_path="([^"]*)"', arguments)
        if match:
            yield "w", match[1]
    elif call == "execve":
        yield "x", names[0]
    elif call == "mmap" and "PROT_EXEC" in arguments:
        match = re.search(r"\d+<(/[^>]*)>", arguments)
        if match:
            yield "m", match[1]
    elif call == "flock" or call == "fcntl" and re.search("F_(OFD_)?SETLKW?", arguments):
        yield "k", described[1]


def wanted(traces):
    found = set()
    for trace in traces:
        with open(trace, encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines):
                match = CALL.match(line)
                # The first is the tracer, which runs patd.
                if not match or match[3] == "-1" or number == 0 and match[1] == "execve":
                    continue
                for access, path in accesses(match[1], match[2], match[3], match[4]):
                    if path and path.startswith("/"):
                        path = path.removesuffix(" (deleted)").removesuffix("(deleted)")
                        found.add((access, os.path.normpath(path) + ("/" if os.path.isdir(path) and access in "rw"
                                                                    else "")))
    return found


def main():
    profile, own, *traces = sys.argv[1:]
    with open(profile, encoding="utf-8") as file:
        lines = file.read().splitlines()
    values = variables(lines)
    all_rules = list(rules(lines, values))
    with open(own, encoding="utf-8") as file:
        unused = {line for line, _, _ in rules(file.read().splitlines(), values)}
    everything = wanted(traces)
    for access, path in sorted(everything):
        matching = [line for line, regex, perms in all_rules if access in perms and regex.fullmatch(path)]
        if not matching:
            print(f"denied: {access} {path}")
        unused -= set(matching)
    for line in sorted(unused):
        print(f"unused: {line}")
    print(f"accesses: {len(everything)}")


main()
