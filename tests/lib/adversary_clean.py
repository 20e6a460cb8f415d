#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Whether text can be shown: adversary_clean.py [esc] < TEXT

Prints each line that has a control character, one that reorders or hides what is around it, or bytes that are
no UTF-8, with what it is; exits with 1 if there was one. `esc` lets colours pass, as a terminal shows them.
adversary_clean.py hostile: prints such texts, a line each, in the form of bash's $'...' without quotes.
"""

import re
import sys
import unicodedata

# What a reader cannot see or is misled by: categories control, format, surrogate, private, unassigned,
# line and paragraph separators. The joiners are needed to spell names in some scripts.
JOINERS = "\u200c\u200d"
BAD = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

HOSTILE = {
    "a line break": r"a\nb", "a carriage return": r"a\rb", "an escape": r"a\x1b[2Jb",
    "a title for the terminal": r"a\x1b]0;t\x07b", "a bell": r"a\x07b", "a backspace": r"ab\x08\x08c",
    "a tabulator": r"a\tb", "DEL": r"a\x7fb", "C1 in UTF-8": r"a\xc2\x9b2Jb", "C1 as a byte": r"a\x9b2Jb",
    "a bidirectional override": r"a\xe2\x80\xaeb", "an isolate": r"a\xe2\x81\xa6b",
    "a space of no width": r"a\xe2\x80\x8bb", "a byte order mark": r"a\xef\xbb\xbfb",
    "a word joiner": r"a\xe2\x81\xa0b", "a soft hyphen": r"a\xc2\xadb", "a tag": r"a\xf3\xa0\x81\x81b",
    "a line separator": r"a\xe2\x80\xa8b", "no UTF-8": r"a\xff\xfeb", "an overlong line break": r"a\xc0\x8ab",
    "half a surrogate": r"a\xed\xa0\x80b", "a cut character": r"a\xe2\x80",
}


def main():
    if "hostile" in sys.argv:
        for name, text in HOSTILE.items():
            print(f"{name}\t{text}")
        return 0
    bad = 0
    for line in sys.stdin.buffer.read().split(b"\n"):
        text = line.decode(errors="surrogateescape")
        if "esc" in sys.argv:
            text = re.sub(r"\x1b\[[0-9;]*m", "", text)
        found = {f"U+{ord(c):04X}" for c in text
                 if unicodedata.category(c) in BAD and c not in JOINERS}
        if found:
            bad = 1
            print(sorted(found), ascii(text))
    return bad


sys.exit(main())
