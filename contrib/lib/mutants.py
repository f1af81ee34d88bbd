# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The judge judged: puts plausible bugs into the cores, one at a time, and sees whether the simulator finds each.

A mutant is a text file in tests/sim/mutants: what the bug is and who made it, the exact text that it replaces,
how many seeds it may take, which checkers should find it (only they count) and, where it needs faults that few
seeds draw, what is to be set (--set of covey-sim). A mutant whose old text is not in its file exactly once, or
that the compiler warns of, is an error.

The tree as it is must pass: the first seeds without any mutant, and each seed by which a mutant is caught. A
seed that fails there says nothing of a mutant and is left out, as is a failure of the same kind. Results are
kept by the sources' and the mutant's hash: an interrupted run goes on where it was.

The exit status is 0 when every mutant was caught within its seeds and the tree itself passed, 1 when not, 2
when it could not be run."""
import argparse
import json
import os
import re
import sys
import threading
import time

import mutants_build
import mutants_run
from mutants_build import Failure

FOLDER = "tests/sim/mutants"
KEYS = ("bug", "source", "file", "seeds", "caught-by")
BASELINE_SEEDS = 100
TABLE = "{:<34} {:<30} {:>6} {:>6} {:>7}  {}"


class Mutant:
    """One file: `key: value` lines, then pairs of `--- old` and `--- new`, the last ended by `--- end`. A text
    has no newline at its end: it may be a part of a line. `--- old FILE` is of another file than `file`, for
    what two lines of defence hold back."""

    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as f:
            self.text = f.read()
        head, *parts = re.split(r"^--- (old(?: \S+)?|new|end)\n", self.text, flags=re.M)
        self.fields = dict(re.findall(r"^([a-z-]+): *(.*)$", head, flags=re.M))
        missing = [k for k in KEYS if not self.fields.get(k)]
        if missing:
            raise Failure(f"{path}: no {', '.join(missing)}")
        words, bodies = parts[0::2], [b.removesuffix("\n") for b in parts[1::2]]
        files = [w[4:] or self.fields["file"] for w in words[0:-1:2]]
        self.edits = list(zip(files, bodies[0:-1:2], bodies[1:-1:2]))
        if not self.edits or [w[:3] for w in words] != ["old", "new"] * len(self.edits) + ["end"]:
            raise Failure(f"{path}: wants `--- old`, `--- new` and `--- end`")
        if not self.fields["seeds"].isdigit():
            raise Failure(f"{path}: seeds is a number")
        self.bug, self.files = self.fields["bug"], sorted(set(files))
        self.seeds = int(self.fields["seeds"])
        self.sets = tuple(self.fields.get("set", "").split())
        self.expected = [c.strip() for c in self.fields["caught-by"].split(",")]

    def apply(self, read):
        """File name -> changed text."""
        texts = {f: read(f) for f in self.files}
        for file, old, new in self.edits:
            count = texts[file].count(old)
            if count != 1:
                raise Failure(f"{self.name}: its old text is {count} times in {file}, not once: "
                              f"{old.strip().splitlines()[0].strip()}")
            texts[file] = texts[file].replace(old, new)
        return texts


def mutants_load(root, names):
    folder = os.path.join(root, FOLDER)
    if not os.path.isdir(folder):
        raise Failure(f"there is no folder {folder}")
    found = [Mutant(os.path.join(folder, f)) for f in sorted(os.listdir(folder)) if f.endswith(".mutant")]
    known = {m.name for m in found}
    for name in names:
        if not any(k == name or k.startswith(name + "-") for k in known):
            raise Failure(f"there is no mutant called {name}")
    return [m for m in found if not names or any(m.name == n or m.name.startswith(n + "-") for n in names)]


class Store:
    """Results by key, on disk."""

    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        try:
            with open(path, encoding="utf-8") as f:
                self.data = json.load(f)
        except (OSError, ValueError):
            self.data = {}

    def get(self, key):
        with self.lock:
            return self.data.get(key)

    def put(self, key, value):
        with self.lock:
            self.data[key] = value
            with open(self.path + ".new", "w", encoding="utf-8") as f:
                json.dump(self.data, f)
            os.replace(self.path + ".new", self.path)


class Suite:
    def __init__(self, args, build):
        self.args, self.build = args, build
        self.store = Store(os.path.join(build.folder, "results.json"))
        self.lock = threading.Lock()
        self.results = []

    def seeds_of(self, mutant):
        first, last = self.args.seeds
        return first, min(last, first + mutant.seeds - 1)

    def baseline(self):
        """The first seeds that fail without any mutant. The others are looked at when a mutant is caught."""
        first = self.args.seeds[0]
        last = min(self.args.seeds[1], first + BASELINE_SEEDS - 1)
        key = f"tree {self.build.hash} {first}..{last}"
        bad = self.store.get(key)
        if bad is None:
            bad = mutants_run.failures(self.build.sim, first, last, self.args.jobs)
            self.store.put(key, bad)
        return bad

    def one(self, mutant, left_out):
        first, last = self.seeds_of(mutant)
        key = f"{self.build.hash} {self.build.digest(mutant.text)} {first}..{last} {self.args.measure}"
        result = self.store.get(key)
        if result is None or self.args.again:
            began = time.monotonic()
            sim = self.build.mutate(mutant)
            run = mutants_run.measure if self.args.measure else mutants_run.first_failure
            result = run(sim, self.build.sim, first, last, mutant, left_out)
            result["seconds"] = round(time.monotonic() - began, 1)
            os.unlink(sim)
            self.store.put(key, result)
        result = dict(result, name=mutant.name, bug=mutant.bug, budget=last - first + 1,
                      expected=mutant.expected)
        with self.lock:
            self.results.append(result)
            self.tell(result)
        return result

    def tell(self, r):
        if self.args.json:
            return
        rate = f"{r['failed']}/{r['run']}" if "failed" in r else r["run"]
        print(TABLE.format(r["name"], r["caught"] or "SURVIVED", rate, r["seed"] or "-", f"{r['seconds']} s",
                           r["bug"]), flush=True)
        if r["others"] and (self.args.verbose or r["caught"] is None):
            print(f"    who is not expected to: {', '.join(f'{c} ({n})' for c, n in r['others'].items())}")
        for b in r["tree_bad"]:
            print(f"    not ok: without the mutant, too: seed {b['seed']}: {b['checker']}: {b['text']}")
        if self.args.verbose and r["text"]:
            print(f"    {r['text']}", flush=True)

    def all(self, mutants, left_out):
        queue, errors = list(mutants), []

        def worker():
            while not errors:
                with self.lock:
                    if not queue:
                        return
                    mutant = queue.pop(0)
                try:
                    self.one(mutant, left_out)
                except BaseException as e:  # told by the main thread, whatever it is
                    errors.append(e)
        threads = [threading.Thread(target=worker) for _ in range(self.args.jobs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise errors[0]


def sample(mutants, count, day):
    """As many each day, in turn. Those whose file says `sample: no` are found too seldom for that."""
    mutants = [m for m in mutants if m.fields.get("sample") != "no"]
    if count >= len(mutants):
        return mutants
    picked = [mutants[(day * count + i) % len(mutants)] for i in range(count)]
    return sorted(picked, key=lambda m: m.name)


def seeds_range(text):
    match = re.fullmatch(r"(\d+)\.\.(\d+)", text)
    if not match or int(match[1]) > int(match[2]):
        raise argparse.ArgumentTypeError("wants a range like 1..500")
    return int(match[1]), int(match[2])


def arguments():
    p = argparse.ArgumentParser(prog="contrib/sim --mutants", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME", help="these only; `raft` means all of raft-* [all]")
    p.add_argument("--sample", type=int, metavar="N", help="N of them, others each day")
    p.add_argument("--day", type=int, default=int(time.time() // 86400), help="instead of today's number")
    p.add_argument("--seeds", type=seeds_range, default=(1, 10 ** 9), metavar="A..B",
                   help="where to begin and at which seed to give up [1, the mutant's own budget]")
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    p.add_argument("--measure", action="store_true", help="run all seeds of a budget and count those that fail")
    p.add_argument("--again", action="store_true", help="even if the result is known")
    p.add_argument("--check", action="store_true", help="only apply and compile each of them")
    p.add_argument("--verbose", action="store_true", help="what the checker said, too")
    p.add_argument("--json", action="store_true", help="the results as one JSON array")
    p.add_argument("--source", default=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                   help="the tree [this one]")
    p.add_argument("--build", help="where to build [$COVEY_BUILD/mutants]")
    args = p.parse_args()
    args.source = os.path.abspath(args.source)
    args.build = os.path.abspath(args.build or os.path.join(
        os.environ.get("COVEY_BUILD", os.path.join(args.source, "build")), "mutants"))
    return args


def every(mutants, do):
    """All that is wrong with them is told at once."""
    errors = []
    for m in mutants:
        try:
            do(m)
        except Failure as e:
            errors.append(str(e))
    if errors:
        raise Failure("\n".join(errors))


def run(args):
    mutants = mutants_load(args.source, args.names)
    if args.sample:
        mutants = sample(mutants, args.sample, args.day)
    if not mutants:
        raise Failure("there are no mutants")
    build = mutants_build.Build(args.source, args.build, args.jobs)
    every(mutants, lambda m: m.apply(build.read))
    build.tree()
    if args.check:
        every(mutants, lambda m: os.unlink(build.mutate(m)))
        print(f"{len(mutants)} mutants apply and compile")
        return 0
    suite = Suite(args, build)
    bad = suite.baseline()
    if not args.json:
        for b in bad:
            print(f"not ok: without any mutant seed {b['seed']} fails: {b['checker']}: {b['text']}")
        print(TABLE.format("mutant", "caught by", "seeds", "seed", "time", "bug"), flush=True)
    suite.all(mutants, bad)
    caught = sum(r["caught"] is not None for r in suite.results)
    if args.json:
        print(json.dumps(sorted(suite.results, key=lambda r: r["name"]), indent=1))
    print(f"{caught} of {len(mutants)} mutants caught", file=sys.stderr if args.json else sys.stdout)
    sound = not bad and not any(r["tree_bad"] for r in suite.results)
    return 0 if caught == len(mutants) and sound else 1


def main():
    args = arguments()
    try:
        return run(args)
    except Failure as e:
        print(f"contrib/sim --mutants: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
