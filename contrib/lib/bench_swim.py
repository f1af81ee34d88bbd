# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The simulation of swim cores, tests/bench/bench_swim.c."""
import re
import subprocess

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
