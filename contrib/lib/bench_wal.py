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
COUNTED = """Entries of 256 bytes, 1 or 64 a commit, through the log's writer and its two threads; beside it a file of zeros, as many
bytes a commit, by one thread. The two take turns, 20 commits each, so that both meet the same disk. Under load: the next
commit is handed over while one is flushed, as a leader does whose clients do not wait for each other; each is flushed by
itself. One by one: the next is made when the one before is on the disk, so that two threads are woken for each. The making
of the next segment, zeros that are written once more, falls into the log's time."""
BATCHES = (1, 64)
ROWS = []
for _batch in BATCHES:
    _name = "%d a commit" % _batch
    ROWS += [Row(_name, "1/s", "more", None, None, {"bare pwrite": None}), Row(_name + ", of the bare", "x", "more", None, 0.9, {}),
             Row(_name + ", one by one", "x", "more", None, None, {})]


def rates(bench, batch, depth):
    """Ours, the bare disk's."""
    dir = tempfile.mkdtemp(prefix="wal-", dir=bench.dir)
    try:
        r = subprocess.run([bench.program("bench_wal"), dir, "3", str(batch), str(depth)], capture_output=True, text=True, timeout=60)
    finally:
        shutil.rmtree(dir)
    found = re.findall(r"(\d+) commits/s", r.stdout)
    if r.returncode != 0 or len(found) != 2:
        raise bc.Failure(r.stderr.strip() or r.stdout)
    return map(float, found)


def round(bench, samples):
    for batch in BATCHES:
        name = "%d a commit" % batch
        ours, bare = rates(bench, batch, 2)
        samples.add(name, ours)
        samples.add(name, bare, "bare pwrite")
        samples.add(name + ", of the bare", ours / bare)
        ours, bare = rates(bench, batch, 1)
        samples.add(name + ", one by one", ours / bare)
