# SPDX-License-Identifier: ISC
"""What was measured, as Markdown."""

import stats

UNITS = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}
HEAD = ["what", "it takes", "against", "ratio", "to reach", ""]


def number(value):
    """Three digits that mean something."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def quantity(numbers, unit):
    """Median and quartiles. Times, which are in microseconds, in the unit that reads best."""
    scale, name = 1, unit
    if unit == "us":
        name = max((n for n in UNITS if stats.median(numbers) >= UNITS[n]), key=UNITS.get, default="ns")
        scale = UNITS[name]
    low, high = stats.quartiles(numbers)
    middle, low, high = (number(value / scale) for value in (stats.median(numbers), low, high))
    spread = "" if len(numbers) == 1 else f" ({low}–{high})"
    return f"{middle}{spread} {name}".replace(" us", " µs")


def ratio_text(ratio, limit):
    times = "× as fast" if limit and limit[0] == "faster" else "×"
    low, high = ratio.spread
    return f"{number(ratio.value)} {times} ({number(low)}–{number(high)})"


def limit_text(limit):
    if not limit:
        return ""
    sense, bound = limit
    return f"{'≤' if sense == '<=' else '≥'} {bound:g}{' × as fast' if sense == 'faster' else ''}"


def row(what, numbers, unit, against, limit):
    """The cells of a row of a comparison; `against` is a name and its numbers, or None. Then the limit is one of
    the quantity itself."""
    cells = [what, quantity(numbers, unit), "", "", limit_text(limit)]
    if against:
        ratio, reached = stats.compare(numbers, against[1], limit)
        cells[2] = f"{against[0]} {quantity(against[1], unit)}".strip()
        cells[3] = ratio_text(ratio, limit)
    else:
        reached = None if not limit else (
            stats.median(numbers) <= limit[1] if limit[0] == "<=" else stats.median(numbers) >= limit[1])
        if limit:
            cells[4] += f" {unit}".replace(" us", " µs")
    return cells + [{None: "", True: "reached", False: "**missed**"}[reached]]


def render(head, rows):
    """Markdown that can be read as it is."""
    widths = [max(len(cells[i]) for cells in [head, *rows]) for i in range(len(head))]
    def line(cells):
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |"
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
