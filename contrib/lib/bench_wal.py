# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Commits of the log against the least that a disk can be asked for."""
import re
import shutil
import subprocess
import tempfile

import bench_cluster as bc
from bench_table import Row

ABOUT = "commits of the log a second, beside bare pwrite and fdatasync"
COUNTED = "One entry of 256 bytes a commit, one commit after the other; the two take turns, 20 commits each."
ROWS = [
    Row("commits", "1/s", "more", None, None, {"bare pwrite": None}),
    Row("time of the bare", "x", "less", None, None, {}),
]


def round(bench, samples):
    dir = tempfile.mkdtemp(prefix="wal-", dir=bench.dir)
    try:
        r = subprocess.run([bench.program("bench_wal"), dir, "2"], capture_output=True, text=True, timeout=60)
    finally:
        shutil.rmtree(dir)
    rates = re.findall(r"(\d+) commits/s", r.stdout)
    if r.returncode != 0 or len(rates) != 2:
        raise bc.Failure(r.stderr.strip() or r.stdout)
    samples.add("commits", float(rates[0]))
    samples.add("commits", float(rates[1]), "bare pwrite")
    samples.add("time of the bare", float(rates[1]) / float(rates[0]))
