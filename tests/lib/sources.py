#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""sources.py PROGRAM: asks tests/tools/sources about random lists, networks and hosts, and compares
each answer with what Python's ipaddress says. Prints TAP."""

import ipaddress
import random
import subprocess
import sys

RNG = random.Random(20270131)
MAPPED = ipaddress.ip_network("::ffff:0:0/96")


def canonical(text):
    """The network that `text` is, or None; as pat/source.h has it."""
    text = text.strip(" \t")
    if text.lower() == "local":
        return "local"
    address, slash, bits = text.partition("/")
    if "%" in text or (slash and (not bits.isascii() or not bits.isdigit())):
        return None
    if len(bits) > 1 and bits[0] == "0":
        return None
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return None
    if network.version == 6 and network.subnet_of(MAPPED):
        value = int(network.network_address) & 0xFFFFFFFF
        network = ipaddress.ip_network((value, network.prefixlen - 96))
    return network


def parse_list(text):
    networks = []
    for item in text.split(","):
        network = canonical(item)
        if network is None:
            return None
        if network not in networks:
            networks.append(network)
    return networks


def host(rhost):
    """The address that PAM_RHOST is, "local", or None."""
    if rhost == "":
        return "local"
    try:
        address = ipaddress.ip_address(rhost)
    except ValueError:
        return None
    if address.version == 6:
        address = ipaddress.IPv6Address(rhost.partition("%")[0])
        address = address.ipv4_mapped or address
    return address


def contains(network, address):
    if "local" in (network, address):
        return network == address
    return address.version == network.version and address in network


def within(inner, outer):
    if "local" in (inner, outer):
        return inner == outer
    return inner.version == outer.version and inner.subnet_of(outer)


def write(network):
    if network == "local":
        return "local"
    full = network.prefixlen == network.max_prefixlen
    return str(network.network_address if full else network)


def spelling(address):
    """One of the ways to write an address."""
    if address.version == 4:
        ways = [str(address), f"::ffff:{address}", f"::FFFF:{int(address) >> 16:x}:{int(address) & 0xffff:x}"]
        return RNG.choice(ways)
    ways = [str(address), address.exploded, str(address).upper()]
    return RNG.choice(ways)


def random_address(near=None):
    if near is not None and near != "local" and RNG.random() < 0.8:
        span = min(near.num_addresses * 2, 2 ** near.max_prefixlen)
        value = int(near.network_address) + RNG.randrange(-span // 2, span)
        return type(near.network_address)(value % 2 ** near.max_prefixlen)
    if RNG.random() < 0.5:
        return ipaddress.IPv4Address(RNG.getrandbits(32))
    return ipaddress.IPv6Address(RNG.getrandbits(128) >> RNG.choice([0, 0, 64, 96, 120]))


def random_source():
    if RNG.random() < 0.1:
        return "local"
    address = random_address()
    most = address.max_prefixlen
    bits = RNG.choice([most, most, RNG.randrange(most + 1)])
    network = ipaddress.ip_network((address, bits), strict=False)
    if RNG.random() < 0.05:
        return f"{address}/{bits}"
    if bits == most and RNG.random() < 0.5:
        return spelling(network.network_address)
    text = spelling(network.network_address)
    if network.version == 4 and ":" in text:
        bits += 96
    return f"{text}/{bits}"


def noise(text):
    """Now and then, something wrong with it."""
    if RNG.random() > 0.05 or not text:
        return text
    where = RNG.randrange(len(text))
    return text[:where] + RNG.choice(" :./%0f,x") + text[where + RNG.randrange(2):]


def random_case():
    sources = noise(",".join(random_source() for _ in range(RNG.randrange(1, 5))))
    other = ",".join(random_source() for _ in range(RNG.randrange(1, 3)))
    networks = parse_list(sources)
    real = [n for n in networks or [] if n != "local"]
    if real and RNG.random() < 0.6:
        near = RNG.choice(real)
        wider = near.supernet(new_prefix=RNG.randrange(near.prefixlen + 1))
        other = write(wider)
    near = RNG.choice(real) if real else None
    rhost = RNG.choice(["", "host.example", None, None, None, None, None, None])
    if rhost is None:
        address = random_address(near)
        rhost = noise(spelling(address))
        if ":" in rhost and RNG.random() < 0.2 and "%" not in rhost:
            rhost += "%eth0"
    return sources, other, rhost.replace("\t", "")


def expected(sources, other, rhost):
    networks, others = parse_list(sources), parse_list(other)
    if networks is None or others is None:
        return None
    address = host(rhost)
    if address is None:
        match = "unknown"
    else:
        match = "in" if any(contains(n, address) for n in networks) else "out"
    narrower = all(any(within(n, o) for o in others) for n in networks)
    return networks, match, "yes" if narrower else "no"


def got(line):
    """The answer in the same form; inet_ntop(3) and Python differ in how they write ::192.0.2.1."""
    if line == "-":
        return None
    sources, match, narrower = line.split("\t")
    return parse_list(sources), match, narrower


def main():
    cases = [random_case() for _ in range(20000)]
    text = "".join("\t".join(case) + "\n" for case in cases)
    output = subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True, check=True)
    lines = output.stdout.splitlines()
    wrong = [
        (case, line)
        for case, line in zip(cases, lines)
        if got(line) != expected(*case)
    ]
    kinds = {word: sum(f"\t{word}\t" in line for line in lines) for word in ("in", "out", "unknown")}
    kinds["refused"] = lines.count("-")
    kinds["narrower"] = sum(line.endswith("yes") for line in lines)
    good = len(lines) == len(cases)
    print("ok" if good else "not ok", "1 - every list is answered")
    print("not ok" if wrong else "ok", f"2 - {len(cases)} random lists mean what Python's ipaddress says")
    for case, line in wrong[:5]:
        print(f"# {case}: got {line!r}, wanted {expected(*case)}")
    enough = min(kinds.values()) > 500
    print("ok" if enough else "not ok", "3 - there are enough answers of each kind")
    print("#", kinds)
    print("1..3")
    return 1 if wrong or not good or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
