# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The text of the tree: licence lines, length, unfinished marks, paths of one machine, white space."""
import re

import common

C_HEAD = "/* SPDX-License-Identifier: Apache-2.0\n * Copyright the covey authors */\n"
HASH_HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Copyright the covey authors\n"
HASH_SUFFIXES = (".py", ".sh", ".mk", ".am", ".ac", ".test")
LINES_MAX = 700
COLUMNS_MAX = 110
# Spelt in pieces: this file is looked at, too. In quotes it is somebody's data.
UNFINISHED = re.compile(r"(?<![\"'])\b(" + "|".join(("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK")) + r")\b")
MACHINE = re.compile(r"(/wor" r"k/\w|/ro" r"ot/|/ho" r"me/\w|/tmp/(b-|bri" r"ef|gen\b)|\.\./sha" r"red)")
# Data whose bytes are the point, and the one script whose business is a folder beside the tree.
AS_IT_IS = ("tests/fuzz/corpus/", "tests/trace/", "proto/vectors/")
MACHINE_ALLOWED = (".ci/run",)


def head_check(path, text):
    if path.endswith((".c", ".h")):
        return [] if text.startswith(C_HEAD) else [f"{path}: does not begin with the two SPDX lines"]
    if path.endswith(HASH_SUFFIXES) or text.startswith("#!"):
        body = text.split("\n", 1)[1] if text.startswith("#!") else text
        return [] if body.startswith(HASH_HEAD) else [f"{path}: does not begin with the two SPDX lines"]
    return []


def size_check(path, text):
    lines = text.count("\n")
    return [f"{path}: {lines} lines, {LINES_MAX} are the most: split it by subject"] if lines > LINES_MAX else []


def lines_check(path, text):
    """White space and width."""
    complaints = []
    in_c = path.endswith((".c", ".h"))
    for number, line in enumerate(text.split("\n"), 1):
        if in_c and "\t" in line:
            complaints.append(f"{path}:{number}: a tab")
        if in_c and len(line) > COLUMNS_MAX:
            complaints.append(f"{path}:{number}: {len(line)} columns")
        if line.endswith((" ", "\t", "\r")):
            complaints.append(f"{path}:{number}: blanks at the end")
    if text and not text.endswith("\n"):
        complaints.append(f"{path}: no newline at the end")
    return complaints


def marks_check(path, text):
    complaints = []
    for number, line in enumerate(text.split("\n"), 1):
        if UNFINISHED.search(line):
            complaints.append(f"{path}:{number}: unfinished: {line.strip()[:80]}")
        if path not in MACHINE_ALLOWED and MACHINE.search(line):
            complaints.append(f"{path}:{number}: a path of one machine: {line.strip()[:80]}")
    return complaints


def tree():
    """Every text file of the tree with its shown path."""
    top = [p for p in sorted(common.SOURCE.iterdir()) if p.name in
           ("README", "Makefile.am", "configure.ac", "bootstrap", ".gitignore", ".clang-format")]
    ci = sorted((common.SOURCE / ".ci").glob("*"))
    below = [p for name in ("src", "include", "tests", "proto", "contrib")
             for p in sorted((common.SOURCE / name).rglob("*")) if p.is_file()]
    for path in (*top, *ci, *below):
        shown = common.shown(path)
        if shown.startswith(AS_IT_IS) or common.generated(path) or path.suffix in (".o", ".a", ".log", ".trs"):
            continue
        try:
            yield shown, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def main():
    tap = common.Tap()
    files = list(tree())
    sized = [(path, text) for path, text in files if path.startswith(("src/", "include/"))]
    for name, check, over in (
            ("source files begin with the two SPDX lines", head_check, files),
            (f"no file of src or include is over {LINES_MAX} lines", size_check, sized),
            (f"no tab or line over {COLUMNS_MAX} columns in C, no blanks at line ends", lines_check, files),
            ("no unfinished marks, no paths of one machine", marks_check, files)):
        tap.result(name, [line for path, text in over for line in check(path, text)])
    tap.done()


if __name__ == "__main__":
    main()
