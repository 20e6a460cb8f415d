#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A stand-in for authselect(8) where there is none: as much of it as with-pat calls, on the machine's
/etc/authselect and /etc/pam.d, with the templates of authselect-profiles(5).

authselect.py current --raw | create-profile NAME --base-on=ID | select ID [FEATURE...] [--backup=NAME] |
              disable-feature FEATURE
"""

import pathlib
import re
import shutil
import sys

ETC = pathlib.Path("/etc/authselect")
DEFAULT = pathlib.Path("/usr/share/authselect/default")
CONF = ETC / "authselect.conf"
STACKS = ("system-auth", "password-auth")
OPERATOR = re.compile(r"\{(continue if|stop if|include if|exclude if|if) ([^{}:]*)(?::([^{}|]*)(?:\|([^{}]*))?)?\}")


def holds(expression, features):
    """`"a" and not ("b" or "c")`: quoted names are true if they are enabled."""
    words = re.findall(r'"[^"]*"|and|or|not|[()]|\S', expression)
    return eval(" ".join(str(w[1:-1] in features) if w[0] == '"' else w for w in words), {})


def render(text, features):
    lines = []
    for line in text.splitlines():
        keep = True
        for verb, expression, _, _ in OPERATOR.findall(line):
            true = holds(expression, features)
            if verb == "continue if" and not true or verb == "stop if" and true:
                return "".join(lines)
            if verb in ("continue if", "stop if") or \
                    verb == "include if" and not true or verb == "exclude if" and true:
                keep = False
        if keep:
            def put(match):
                if match[1] != "if":
                    return ""
                return (match[3] if holds(match[2], features) else match[4]) or ""
            lines.append(OPERATOR.sub(put, line).rstrip() + "\n")
    return "".join(lines)


def place(profile):
    if profile.startswith("custom/"):
        return ETC / profile
    return DEFAULT / profile


def known(directory):
    return {name for stack in STACKS for name in re.findall(r'"([^"]+)"', (directory / stack).read_text())}


def select(profile, features):
    directory = place(profile)
    unknown = set(features) - known(directory)
    if unknown:
        sys.exit(f"authselect: unknown features: {unknown}")
    for stack in STACKS:
        target = ETC / stack
        target.write_text(render((directory / stack).read_text(), features))
        link = pathlib.Path("/etc/pam.d") / stack
        if not link.is_symlink():
            link.symlink_to(target)
    CONF.write_text("\n".join([profile, *features]) + "\n")


def main():
    verb, *rest = sys.argv[1:]
    words = [word for word in rest if not word.startswith("--")]
    current = CONF.read_text().split() if CONF.exists() else []
    if verb == "current":
        if not current:
            return 2
        print(*current)
    elif verb == "create-profile":
        base = next(word for word in rest if word.startswith("--base-on=")).split("=")[1]
        shutil.copytree(place(base), ETC / "custom" / words[0])
    elif verb == "select":
        select(words[0], words[1:])
    elif verb == "disable-feature":
        select(current[0], [f for f in current[1:] if f != words[0]])
    else:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
