# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Adds up what gcov counted, core by core."""
import argparse
import json
import pathlib
import re
import subprocess
import sys

AIM = 95.0
# Those that the aim is for; the rest is told, too.
AIMED = ("raft", "swim", "wal", "state", "reconcile", "placement", "shim", "node")
ASSERTS = re.compile(r"\b(assert|_Static_assert)\s*\(")


def gcov(build):
    """The JSON of every object of a core, as gcov gives it."""
    for data in sorted(pathlib.Path(build, "src").rglob("*.gcda")):
        done = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", data.name],
                              cwd=data.parent, capture_output=True, check=True)
        for line in done.stdout.splitlines():
            if line.strip():
                yield data.parent, json.loads(line)


def add_up(build, source):
    """{path: {line: (count, [branch counts])}} of the sources of src/, headers' inline functions apart."""
    files = {}
    root = pathlib.Path(source).resolve()
    for folder, report in gcov(build):
        base = pathlib.Path(report.get("current_working_directory", folder))
        for entry in report["files"]:
            path = (base / entry["file"]).resolve()
            if root not in path.parents:
                continue
            name = path.relative_to(root).as_posix()
            if not re.fullmatch(r"src/\w+/\w+\.c", name):
                continue
            lines = files.setdefault(name, {})
            for line in entry["lines"]:
                count, branches = lines.get(line["line_number"], (0, []))
                now = [b["count"] for b in line["branches"]]
                if len(now) == len(branches):
                    now = [a + b for a, b in zip(now, branches)]
                lines[line["line_number"]] = (count + line["count"], now or branches)
    return files


def asserting(text):
    """The numbers of the lines that belong to an assertion, also one over several lines."""
    lines, open_parens, inside = set(), 0, False
    for number, line in enumerate(text.splitlines(), 1):
        match = ASSERTS.search(line)
        if match and not inside:
            inside, open_parens = True, 0
            line = line[match.start():]
        if inside:
            lines.add(number)
            open_parens += line.count("(") - line.count(")")
            inside = open_parens > 0
    return lines


def switches(lines):
    """
    {number of a `switch` line: branches that it has} of those that name every value and have no default. The
    compiler sees to it that they do (-Wswitch-enum), and counts one branch more: of a value that is none.
    """
    found = {}
    for number, line in enumerate(lines, 1):
        if not re.match(r"\s*switch \(.*\{$", line):
            continue
        end = re.match(r"\s*", line).group() + "}"
        groups, after_label = 0, False
        for inner in lines[number:]:
            if inner == end:
                found[number] = groups + 1
                break
            if re.match(r"\s*(default:|switch \()", inner):
                break
            is_label = re.match(r"\s*case [^?]*?:", inner) is not None
            groups += is_label and not after_label
            after_label = is_label and inner.rstrip().endswith(":")
    return found


def judge(files, source):
    """{room: totals} and {room: [(path, line, source, branch indices never taken)]}."""
    rooms, missing = {}, {}
    for name, lines in sorted(files.items()):
        room = name.split("/")[1]
        whole = pathlib.Path(source, name).read_text()
        source_lines, without = whole.splitlines(), asserting(whole)
        whole_switches = switches(source_lines)
        total = rooms.setdefault(room, {"lines": 0, "lines_reached": 0, "branches": 0, "branches_reached": 0})
        for number, (count, branches) in sorted(lines.items()):
            total["lines"] += 1
            total["lines_reached"] += count > 0
            if number in without:
                continue
            if whole_switches.get(number) == len(branches) and branches[-1] == 0:
                branches = branches[:-1]
            total["branches"] += len(branches)
            total["branches_reached"] += sum(b > 0 for b in branches)
            never = [i for i, b in enumerate(branches) if b == 0]
            if never or count == 0:
                text = source_lines[number - 1].strip() if number <= len(source_lines) else "(changed since)"
                missing.setdefault(room, []).append((name, number, text, count, never))
    return rooms, missing


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def table(rooms):
    print(f"{'core':<12} {'lines':>7} {'reached':>8} {'branches':>9} {'reached':>8}")
    for room in sorted(rooms, key=lambda r: (r not in AIMED, r)):
        t = rooms[room]
        branches = percent(t["branches_reached"], t["branches"])
        note = "" if room not in AIMED else "" if branches >= AIM else f"  {AIM - branches:.1f} short of {AIM:.0f} %"
        print(f"{room:<12} {t['lines']:>7} {percent(t['lines_reached'], t['lines']):>6.1f} % {t['branches']:>9} "
              f"{branches:>6.1f} %{note}")
    aimed = [rooms[r] for r in rooms if r in AIMED]
    reached, all_ = sum(t["branches_reached"] for t in aimed), sum(t["branches"] for t in aimed)
    print(f"\n{reached} of {all_} branches of the cores that the aim is for: {percent(reached, all_):.1f} %")


def details(missing, room):
    path = None
    for name, number, line, count, never in missing.get(room, []):
        if name != path:
            print(f"{name}")
            path = name
        what = "never run" if count == 0 else "never taken: " + " ".join(map(str, never))
        print(f"  {number:>4}  {line[:90]:<90}  {what}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--room")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rooms, missing = judge(add_up(options.build, options.source), options.source)
    if not rooms:
        sys.exit("contrib/coverage: no counts were found; did covey-sim run?")
    if options.room and options.room not in rooms:
        sys.exit(f"contrib/coverage: no core is called {options.room} (there are: {' '.join(sorted(rooms))})")
    if options.json:
        result = {"rooms": rooms, "aim_percent": AIM}
        if options.room:
            result["missing"] = [{"file": f, "line": n, "count": c, "branches_never_taken": b}
                                 for f, n, _, c, b in missing.get(options.room, [])]
        print(json.dumps(result, indent=1, sort_keys=True))
    elif options.room:
        details(missing, options.room)
    else:
        table(rooms)


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.stderr.close()
