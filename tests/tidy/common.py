# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""What the tests of the tree share: TAP, the rooms and their arrows, the tools that look into objects.

A check is a function that takes what it looks at and returns a list of complaints, one line each; so that
selftest.py can show each of them a bad sample.
"""
import fnmatch
import os
import pathlib
import re
import subprocess

SOURCE = pathlib.Path(os.environ.get("COVEY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("COVEY_BUILD", "."))
# Sanitizers and coverage put symbols of their own into every object.
PLAIN = os.environ.get("COVEY_BUILD_KIND", "plain") == "plain"

PURE = ("base", "codec", "crypto", "gossip", "jobspec", "node", "placement", "raft", "reconcile", "shim", "state",
        "swim", "wal")
# Shells, and the shells that each may use: only daemon/ joins them, and the command line speaks through the
# client's library.
SHELLS = {"admin": (), "cli": ("client",), "client": (), "daemon": ("admin", "cli", "client", "net", "proc", "store"),
          "net": (), "proc": (), "store": ()}
# Headers in include/covey that do not bear their room's name.
HEADER_ROOMS = {"wire": "codec", "hcl": "jobspec", "journal": "wal", "mark": "base", "digest": "base", "voters": "node", "learn": "node"}
# A library's headers, and the rooms that may include them.
LIBRARY_HEADERS = {"ev.h": ("daemon",), "ev++.h": (), "event.h": (), "msgpack.h": ("codec",), "ares.h": ("net",),
                   "sodium.h": ("crypto",)}
# What every pure room may import.
ALWAYS = ("memcmp", "memcpy", "memmove", "memset", "memchr", "strlen", "strcmp", "strncmp", "qsort", "bsearch",
          "__assert_fail", "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_")
# libsodium's functions that a shell may call itself.
SODIUM_SHELL = ("sodium_init", "sodium_memzero", "randombytes_buf", "crypto_generichash*")


class Tap:
    """Prints one TAP line for each check and the plan at the end."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, name, complaints):
        self.count += 1
        self.failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}")
        for line in complaints[:50]:
            print(f"#   {line}")
        if len(complaints) > 50:
            print(f"#   and {len(complaints) - 50} more")

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}")

    def done(self):
        print(f"1..{self.count}")


def header_room(header):
    """The room that include/covey/HEADER.h is the doorway of."""
    return HEADER_ROOMS.get(header, header)


class Allowed:
    """tests/tidy/allow/ROOM: `@room` is an arrow to another pure room, anything else a symbol or a glob."""

    def __init__(self, text):
        lines = [line.split("#")[0].strip() for line in text.splitlines()]
        self.rooms = [line[1:] for line in lines if line.startswith("@")]
        self.symbols = [line for line in lines if line and not line.startswith("@")]

    @classmethod
    def of(cls, room):
        return cls((SOURCE / "tests/tidy/allow" / room).read_text())

    def symbol(self, name):
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in (*ALWAYS, *self.symbols))


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def tool(name):
    return os.environ.get(name, name.lower())


def archive(room):
    return BUILD / f"src/{room}/lib{room}.a"


def nm(path):
    """The (type, name) of every global symbol of an archive or program."""
    for line in output(tool("NM"), "-g", "-P", str(path)).splitlines():
        fields = line.split()
        if len(fields) >= 2 and len(fields[1]) == 1:
            yield fields[1], fields[0]


def defined(path):
    return {name for kind, name in nm(path) if kind not in "Uwv"}


def imported(path):
    """What an archive wants from elsewhere. The fortified __memcpy_chk is memcpy."""
    wanted = {name for kind, name in nm(path) if kind in "Uwv"} - defined(path)
    return {re.sub(r"^__(?!stack)(\w+)_chk$", r"\1", name) for name in wanted}


def sources(*suffixes, below=("src", "include", "tests", "proto", "contrib")):
    """The tree's files with these suffixes, without what a build in the tree has left."""
    for top in below:
        for path in sorted((SOURCE / top).rglob("*")):
            if path.suffix in suffixes and path.is_file() and not generated(path):
                yield path


def generated(path):
    parts = path.relative_to(SOURCE).parts
    return bool({".deps", "__pycache__", "build", "gen"} & set(parts))


def shown(path):
    return str(path.relative_to(SOURCE))
