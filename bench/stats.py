# SPDX-License-Identifier: ISC
"""Of samples, one for each round: a number each, or quantiles by name."""

import statistics


def of(samples, key="p50"):
    """The numbers among them: with quantiles, those named so."""
    return [sample[key] if isinstance(sample, dict) else sample for sample in samples]


def median(numbers):
    return statistics.median(numbers)


def quartiles(numbers):
    """First and third; of a single number, itself twice."""
    if len(numbers) == 1:
        return numbers[0], numbers[0]
    first, _, third = statistics.quantiles(numbers, n=4, method="inclusive")
    return first, third


class Ratio:
    """Of medians; and, for the spread, of the two samples of each round, which had the same weather."""

    def __init__(self, above, below):
        if len(above) != len(below):
            raise ValueError("not the same rounds")
        self.value = median(above) / median(below)
        self.spread = quartiles([a / b for a, b in zip(above, below)])


def compare(numbers, against, limit):
    """The ratio, and whether the limit is reached (None: there is none). A limit is `<=` or `>=` of what was
    measured to what it is measured against; or `faster`: so many times as fast, or more."""
    sense, bound = limit or ("<=", None)
    ratio = Ratio(against, numbers) if sense == "faster" else Ratio(numbers, against)
    if bound is None:
        return ratio, None
    return ratio, ratio.value <= bound if sense == "<=" else ratio.value >= bound
