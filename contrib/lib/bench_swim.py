# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The simulation of swim cores, tests/bench/bench_swim.c."""
import hashlib
import json
import os
import re
import subprocess
import sys

import bench_cluster as bc


def run(bench, *args, seconds=3600):
    words = [bench.program("bench_swim"), *map(str, args)]
    r = subprocess.run(words, capture_output=True, text=True, timeout=seconds)
    if r.returncode != 0:
        raise bc.Failure("%s ended with %d: %s" % (" ".join(words), r.returncode, r.stderr.strip()))
    return r.stdout


def measures(text):
    """Its lines `measure: number`."""
    return [(name, float(value)) for name, value in re.findall(r"^(.+): (\S+)$", text, re.M)]


class Kept:
    """What the program said, by its arguments; what it said at an earlier start counts, as long as it is the same program."""

    def __init__(self, bench, name):
        self.bench, self.texts = bench, {}
        with open(bench.program("bench_swim"), "rb") as f:
            mark = hashlib.sha256(f.read()).hexdigest()[:12]
        path = os.path.join(bench.build, "%s-%s.jsonl" % (name, mark))
        if os.path.exists(path):
            with open(path, encoding="ascii") as f:
                self.texts = {tuple(key): text for key, text in map(json.loads, filter(lambda s: s.endswith("]\n"), f))}
        self.file = open(path, "a", encoding="ascii")
        print("results are kept in %s" % path, file=sys.stderr, flush=True)

    def run(self, *args, seconds=3600):
        key = tuple(map(str, args))
        if key not in self.texts:
            self.texts[key] = run(self.bench, *key, seconds=seconds)
            self.file.write(json.dumps([key, self.texts[key]]) + "\n")
            self.file.flush()
        return self.texts[key]
