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
COUNTED = """Entries of 256 bytes, 1 or 64 a commit, through the log's writer and the store, each commit begun when the one before
is on the disk; beside it a file of zeros, as many bytes a commit. The two take turns, 20 commits each, so that both meet the
same disk. The making of the next segment, zeros that are written once more by a second thread, falls into the log's time."""
BATCHES = (1, 64)
ROWS = []
for _batch in BATCHES:
    _name = "%d a commit" % _batch
    ROWS += [Row(_name, "1/s", "more", None, None, {"bare pwrite": None}), Row(_name + ", of the bare", "x", "more", None, 0.9, {})]


def round(bench, samples):
    for batch in BATCHES:
        name = "%d a commit" % batch
        dir = tempfile.mkdtemp(prefix="wal-", dir=bench.dir)
        try:
            r = subprocess.run([bench.program("bench_wal"), dir, "3", str(batch)], capture_output=True, text=True, timeout=60)
        finally:
            shutil.rmtree(dir)
        found = re.findall(r"(\d+) commits/s", r.stdout)
        if r.returncode != 0 or len(found) != 2:
            raise bc.Failure(r.stderr.strip() or r.stdout)
        ours, bare = map(float, found)
        samples.add(name, ours)
        samples.add(name, bare, "bare pwrite")
        samples.add(name + ", of the bare", ours / bare)
