#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""
recording.py cast|svg <TRANSCRIPT: what tests/demo showed, as something to look at.

cast: an asciicast (version 2, https://docs.asciinema.org/manual/asciicast/v2/), typed at a steady pace.
svg:  a picture of some of its scenes.

Secrets are dotted out: a recording goes into a repository, where leak scanners read it.
"""

import json
import re
import sys
from xml.sax.saxutils import escape

COLUMNS, ROWS = 100, 32
TYPING, ANSWER, SCENE = 0.035, 0.25, 1.2  # seconds: a key, a line of an answer, a heading
# What the picture shows: how a scene begins, and how many of its commands.
SCENES = {"Alice mints": 1, "She logs in": 1, "She sees where": 1, "A token cannot": 1, "She revokes": 2}

TITLE = re.compile(r"\x1b\[1m(.*)\x1b\[0m$")
COMMAND = re.compile(r"((?:alice|bob|root)[$#] )(.*)$")
SECRET = re.compile(r"(lnxpat_[0-9A-Za-z]{8})[0-9A-Za-z]{49}")
TEDIOUS = re.compile(r"-o NumberOfPasswordPrompts=1 -o PreferredAuthentications=\S+ ")


def lines_of(transcript):
    """(kind, text) of each line: title, command, or output."""
    for line in transcript.read().replace("\r", "").splitlines():
        line = SECRET.sub(lambda found: found[1] + "·" * 12, line)
        if found := TITLE.match(line):
            yield "title", found[1]
        elif COMMAND.match(line):
            yield "command", line
        elif line:
            yield "output", line


def cast(lines):
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "pam_pat: personal access tokens for Linux logins"}
    print(json.dumps(header))
    now = 0.0

    def show(text, pause):
        nonlocal now
        now += pause
        print(json.dumps([round(now, 3), "o", text], ensure_ascii=False))

    for kind, text in lines:
        if kind == "title":
            show(f"\r\n\x1b[1m# {text}\x1b[0m\r\n", SCENE)
        elif kind == "command":
            prompt, typed = COMMAND.match(text).groups()
            show(f"\x1b[32m{prompt}\x1b[0m", SCENE)
            for key in typed:
                show(key, TYPING)
            show("\r\n", ANSWER)
        else:
            show(text + "\r\n", ANSWER)
    show("", 3)


def scenes(lines):
    """The lines of the scenes that the picture has."""
    left = 0
    for kind, text in lines:
        if kind == "title":
            # One more: its lines go on until the next command.
            left = next((count + 1 for title, count in SCENES.items() if text.startswith(title)), 0)
        left -= kind == "command"
        if left > 0:
            yield kind, TEDIOUS.sub("", text)


def svg(lines):
    rows = []
    for kind, text in scenes(lines):
        if kind == "title" and rows:
            rows.append(("output", ""))
        rows += [(kind, text[at:at + COLUMNS]) for at in range(0, max(len(text), 1), COLUMNS)]
    width, height = COLUMNS * 8 + 32, len(rows) * 18 + 40
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" xml:space="preserve"'
          ' aria-label="A token is minted, used and revoked">')
    print("<style>text{font:13.3px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
          "fill:#d6d6d6}.title{fill:#8fbcff;font-weight:bold}.prompt{fill:#7bc275}.typed{fill:#fff}</style>")
    print(f'<rect width="{width}" height="{height}" rx="8" fill="#1b1d22"/>')
    for row, (kind, text) in enumerate(rows):
        prompt = COMMAND.match(text) if kind == "command" else None
        if prompt:
            text = f'<tspan class="prompt">{prompt[1]}</tspan><tspan class="typed">{escape(prompt[2])}</tspan>'
        else:
            text = escape(("# " if kind == "title" else "") + text)
        print(f'<text class="{kind}" x="16" y="{row * 18 + 32}">{text}</text>')
    print("</svg>")


if __name__ == "__main__":
    {"cast": cast, "svg": svg}[sys.argv[1]](lines_of(sys.stdin))
