# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The arrows between the rooms: who includes whose headers, who imports whose symbols, who keeps state."""
import fnmatch
import re

import common
from common import PURE, SHELLS, Allowed

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
# Writable sections; .data.rel.ro is a const table of pointers that the loader fills in and then protects.
WRITABLE = re.compile(r"^(\.data|\.bss|\.tdata|\.tbss|\*COM\*)(?!\.rel\.ro)")


def rooms_of_pure(room, allowed):
    return {room, *allowed.rooms}


def rooms_of_shell(room):
    return {room, *SHELLS[room], *PURE}


def include_complaint(room, path, quote, name, may_use, own_headers):
    """Why a file of a room must not include this, or None."""
    covey = re.fullmatch(r"covey/(\w+)\.h", name)
    if covey:
        other = common.header_room(covey.group(1))
        if other not in PURE and other not in SHELLS:
            return f"{path}: <{name}> is the doorway of no room"
        if other not in may_use:
            return f"{path}: {room} may not use {other} (<{name}>)"
        return None
    if quote == '"':
        if name not in own_headers:
            return f'{path}: "{name}" is not a header of {room}\'s own folder'
        return None
    rooms = next((r for h, r in common.LIBRARY_HEADERS.items() if name == h or name.startswith(h[:-2] + "/")), None)
    if rooms is not None and room not in rooms:
        return f"{path}: <{name}> belongs to {', '.join(rooms) or 'no room'}"
    return None


def includes_check(room, path, text, may_use, own_headers=(), sodium=False):
    """A file's #include lines. own_headers are the private headers that lie beside it."""
    complaints = []
    for quote, name in INCLUDE.findall(text):
        if name == "sodium.h" and sodium:
            continue
        complaints.append(include_complaint(room, path, quote, name, may_use, own_headers))
    return [line for line in complaints if line]


def imports_check(room, wanted, rooms_symbols, allowed):
    """A pure room's imports against its allow-list and the symbols of the rooms that it may use."""
    from_rooms = set().union(*(rooms_symbols.get(other, set()) for other in allowed.rooms))
    return [f"{room} imports {name}" for name in sorted(wanted)
            if name not in from_rooms and not allowed.symbol(name)]


def shell_imports_check(room, wanted, rooms_symbols):
    """A shell's imports: nothing of another shell, libsodium only by the list."""
    complaints = []
    covey = set().union(*rooms_symbols.values())
    for other, symbols in rooms_symbols.items():
        if other not in rooms_of_shell(room):
            complaints += [f"{room} imports {name} of {other}" for name in sorted(wanted & symbols)]
    for name in sorted(wanted - covey):
        if re.match(r"(crypto|sodium|randombytes)_", name) and not any(
                fnmatch.fnmatchcase(name, pattern) for pattern in common.SODIUM_SHELL):
            complaints.append(f"{room} imports libsodium's {name}, which is crypto's to call")
        if name.startswith("msgpack_"):
            complaints.append(f"{room} imports {name}, which is codec's to call")
        if name.startswith("ev_") and room != "daemon":
            complaints.append(f"{room} imports {name}, which is daemon's to call")
    return complaints


def state_check(room, symbol_table):
    """`objdump -t` of a pure room's archive: writable memory with a name is global state."""
    complaints = []
    for line in symbol_table.splitlines():
        match = re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+)\s+(\S.*)$", line)
        if not match or match.group(1)[5] == "d" or not WRITABLE.match(match.group(2)):
            continue
        complaints.append(f"{room} keeps {match.group(4)} ({int(match.group(3), 16)} bytes) in {match.group(2)}")
    return complaints


def sources_test(tap):
    for room in (*PURE, *SHELLS):
        allowed = Allowed.of(room) if room in PURE else None
        may_use = rooms_of_pure(room, allowed) if allowed else rooms_of_shell(room)
        calls_sodium = any(re.match("crypto_|sodium_", s) for s in allowed.symbols) if allowed else True
        complaints = []
        own_headers = {path.name for path in common.sources(".h", below=(f"src/{room}",))}
        for path in common.sources(".c", ".h", below=(f"src/{room}",)):
            complaints += includes_check(room, common.shown(path), path.read_text(), may_use, own_headers,
                                         calls_sodium)
        tap.result(f"{room} includes only the headers of rooms that it may use", complaints)
    complaints = []
    for path in common.sources(".h", below=("include",)):
        room = common.header_room(path.stem)
        if room in PURE:
            may_use = rooms_of_pure(room, Allowed.of(room))
        else:
            may_use = rooms_of_shell(room) if room in SHELLS else set()
        complaints += includes_check(room, common.shown(path), path.read_text(), may_use)
        complaints += [] if may_use else [f"{common.shown(path)} is the doorway of no room"]
    tap.result("doorway headers include only the doorways of rooms that theirs may use", complaints)


def archives_test(tap):
    archives = [(room, common.archive(room)) for room in (*PURE, *SHELLS)]
    missing = [f"{path} is not built" for _, path in archives if not path.exists()]
    tap.result("every room is an archive", missing)
    archives = [(room, path) for room, path in archives if path.exists()]
    symbols = {room: common.defined(path) for room, path in archives}
    for room, path in archives:
        if room in PURE:
            complaints = imports_check(room, common.imported(path), symbols, Allowed.of(room))
            tap.result(f"{room} imports only what its allow-list names", complaints)
            table = common.output(common.tool("OBJDUMP"), "-t", str(path))
            tap.result(f"{room} has no global state", state_check(room, table))
        else:
            complaints = shell_imports_check(room, common.imported(path), symbols)
            tap.result(f"{room} imports nothing of another shell or of another room's library", complaints)


def main():
    tap = common.Tap()
    sources_test(tap)
    if common.PLAIN:
        archives_test(tap)
    else:
        tap.skip("imports and global state", "an instrumented build has symbols of its own")
    tap.done()


if __name__ == "__main__":
    main()
