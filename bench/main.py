#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Runs sections of the benchmark, section_NAME.py each, and writes what they measured.

main.py --build DIR --out FILE [--rounds N] [--quick] [SECTION...]

What bench.sh calls, in a world of its own. A section has a TITLE and run(bench); see harness.py.
"""

import argparse
import glob
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import harness  # noqa: E402
import machine  # noqa: E402

# The order of the table. What is not named here comes after.
ORDER = ["loop", "fresh", "refusals", "account", "patd", "growth", "crowd"]

HEAD = """# Results of `make bench`

Each row was measured with what it is compared with, in the same run, in rounds of a random order. A quantity is the
median of the rounds, with their quartiles; a ratio is that of the medians, with the quartiles of the ratios of each
round. Only the ratios carry to another machine.
"""


def find_sections():
    names = [os.path.basename(path)[len("section_"):-len(".py")] for path in glob.glob(f"{HERE}/section_*.py")]
    return sorted(names, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def load():
    return f"{os.getloadavg()[1]:.1f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("sections", nargs="*")
    options = parser.parse_args()
    known = find_sections()
    for name in options.sections:
        if name not in known:
            parser.error(f"no section {name}; there are: {', '.join(known)}")
    bench = harness.Bench(options.build, options.rounds, options.quick)
    before = load()
    for name in options.sections or known:
        section = importlib.import_module(f"section_{name}")
        bench.begin(name, section.TITLE)
        section.run(bench)
    weather = f"- load of the last five minutes: {before} before, {load()} after"
    text = "\n".join([HEAD, *machine.describe(), weather, "", bench.render(), ""])
    with open(options.out, "w", encoding="utf-8") as out:
        out.write(text)
    print(text)


if __name__ == "__main__":
    main()
