# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Runs seeds of a covey-sim, one after the other, and says which failed and by whose judgement."""
import os
import re
import select
import subprocess
import tempfile
import threading

# No seed takes longer than this, unless the program no longer comes to an end.
SEED_SECONDS = 120

BAD = re.compile(r"not ok seed (\d+): (\S+)")
OK = re.compile(r"ok seed (\d+) ")
HOW = re.compile(r"#   how: +(.*)")
NOT_SETTLED = re.compile(r".*not settled after \d+ s: (.*)")
ASSERT = re.compile(r"Assertion `(.*)' failed")


def judged(checker, text, errors):
    """Who failed the run, and what it said. An assert is a judge, too; promises about the end are told as
    `liveness`."""
    if checker == "crash":
        failed = ASSERT.findall(errors)
        return ("assert", failed[-1]) if failed else (checker, text)
    match = NOT_SETTLED.match(text)
    return ("liveness", match[1]) if match and checker == "world" else (checker, text)


def lines(process):
    """Its lines; None when it says nothing for too long."""
    rest = b""
    while True:
        if not select.select([process.stdout], [], [], SEED_SECONDS)[0]:
            yield None
            return
        data = process.stdout.read1(65536)
        if not data:
            return
        *whole, rest = (rest + data).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")


def read_back(errors):
    return os.pread(errors.fileno(), 1 << 20, 0).decode(errors="replace")  # the place is the writer's


def outcomes(sim, first, last, sets):
    """(seed, None or {seed, checker, text}) of each seed, in order; the caller may stop listening any time."""
    at = first
    while at <= last:
        with tempfile.TemporaryFile() as errors:
            words = ["nice", "-n", "5", sim, "--seeds", f"{at}..{last}", "--once"]
            process = subprocess.Popen(words + [w for s in sets for w in ("--set", s)], stdout=subprocess.PIPE,
                                       stderr=errors)
            silent, failed = False, None
            try:
                for line in lines(process):
                    if line is None:
                        silent = True
                        break
                    bad, ok, how = BAD.match(line), OK.match(line), HOW.match(line)
                    if bad:
                        failed, at = bad[2], int(bad[1]) + 1
                    elif ok:
                        at = int(ok[1]) + 1
                        yield at - 1, None
                    elif how and failed:
                        checker, text = judged(failed, how[1], read_back(errors))
                        failed = None
                        yield at - 1, {"seed": at - 1, "checker": checker, "text": text}
            finally:
                process.kill()
                status = process.wait()
                process.stdout.close()
            if at > last:
                return
            text = f"no end in {SEED_SECONDS} s" if silent else f"the runner ended with {status}: {read_back(errors)}"
        yield at, {"seed": at, "checker": "hang" if silent else "crash", "text": text}
        at += 1


def pieces(first, last, left_out):
    """The range without the seeds that are left out, as ranges."""
    begin = first
    for seed in sorted(s for s in left_out if first <= s <= last):
        if begin < seed:
            yield begin, seed - 1
        begin = seed + 1
    if begin <= last:
        yield begin, last


def failures(sim, first, last, jobs):
    """Those of the tree as it is."""
    size = (last - first + jobs) // jobs
    ranges = [(low, min(low + size - 1, last)) for low in range(first, last + 1, size)]
    found = [None] * len(ranges)

    def part(i):
        found[i] = [bad for _, bad in outcomes(sim, *ranges[i], ()) if bad]
    threads = [threading.Thread(target=part, args=(i,)) for i in range(len(ranges))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return [bad for f in found for bad in f]


def kind(bad):
    """A failure without its numbers: what also befalls the tree as it is says nothing of a mutant."""
    return bad["checker"] + ": " + re.sub(r"\d+", "#", bad["text"])


class Judgement:
    """Which failures of a mutant count: those of an expected checker, on a seed that the tree passes."""

    def __init__(self, tree, mutant, left_out):
        self.tree, self.mutant = tree, mutant
        self.seeds, self.known = {b["seed"] for b in left_out}, {kind(b) for b in left_out}
        self.others, self.tree_bad = {}, []

    def counts(self, bad):
        if bad["checker"] not in self.mutant.expected:
            self.others.setdefault(bad["checker"], bad["seed"])
            return False
        if kind(bad) in self.known:
            return False
        tree = [b for _, b in outcomes(self.tree, bad["seed"], bad["seed"], self.mutant.sets) if b]
        self.tree_bad += tree
        self.known |= {kind(b) for b in tree}
        return not tree

    def told(self):
        return {"others": self.others, "tree_bad": self.tree_bad}


def first_failure(sim, tree, first, last, mutant, left_out):
    """Goes on until one of the expected judges speaks; what others said is told, but is no proof."""
    run, judge = 0, Judgement(tree, mutant, left_out)
    for low, high in pieces(first, last, judge.seeds):
        for _, bad in outcomes(sim, low, high, mutant.sets):
            run += 1
            if bad and judge.counts(bad):
                return dict(bad, caught=bad["checker"], run=run, **judge.told())
    return dict({"caught": None, "seed": None, "text": "", "run": run}, **judge.told())


def measure(sim, tree, first, last, mutant, left_out):
    """All of them: how many fail, and who finds them."""
    run, found, judge = 0, [], Judgement(tree, mutant, left_out)
    for low, high in pieces(first, last, judge.seeds):
        for _, bad in outcomes(sim, low, high, mutant.sets):
            run += 1
            if bad and judge.counts(bad):
                found.append(bad)
    best = found[0] if found else {"seed": None, "text": "", "checker": None}
    by = {c: sum(b["checker"] == c for b in found) for c in {b["checker"] for b in found}}
    return dict(best, caught=best["checker"], run=run, failed=len(found), by=by, **judge.told())
