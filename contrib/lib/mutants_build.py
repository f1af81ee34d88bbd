# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Builds covey-sim from a copy of the sources, and once more with one file changed. An object is known by the
hash of what it was made from, so nothing is compiled twice, and edits in the tree disturb no run."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading

# What the simulator is made of: every core, and the simulator.
ROOMS = ("base", "codec", "crypto", "jobspec", "raft", "swim", "gossip", "wal", "state", "placement", "reconcile",
         "shim", "node")
OPTIMISE = ["-std=gnu11", "-D_GNU_SOURCE", '-DCOVEY_VERSION="mutants"', "-g", "-O2"]
WRAP = "-Wl,--wrap=crypto_sign_verify_detached"  # tests/sim/signatures.c
# What the compiler would have told of is no bug that a simulator has to find.
WARN = ["-Wall", "-Wextra", "-Wshadow", "-Werror"]


class Failure(Exception):
    pass


def command(words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        lines = [l for l in done.stdout.splitlines() if "error" in l or "undefined" in l] or done.stdout.splitlines()
        raise Failure(f"{words[0]} failed: " + "\n".join(lines[:8]))
    return done.stdout


def libraries():
    for msgpack in ("msgpack-c", "msgpack"):
        found = subprocess.run(["pkg-config", "--cflags", "--libs", "libsodium", msgpack], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.split()
    return ["-lsodium", "-lmsgpackc"]


class Build:
    def __init__(self, source, folder, jobs):
        self.folder, self.jobs = folder, jobs
        self.cc = os.environ.get("CC", "cc").split()
        self.libs = libraries()
        self.objects = os.path.join(folder, "objects")
        self.copy = os.path.join(folder, "tree")
        os.makedirs(self.objects, exist_ok=True)
        self._copy(source)
        self._generate()
        self.sources = [f for f in self.files if f.endswith(".c") and self._is_sim(f)]
        headers = [f for f in self.files if f.endswith(".h")]
        self.headers = self.digest(*[self.read(f) for f in headers], *headers, *self.cc, *OPTIMISE)
        self.hash = self.digest(self.headers, *[f + self.read(f) for f in self.sources])
        self.sim = os.path.join(folder, "covey-sim-" + self.hash[:16])

    def digest(self, *texts):
        h = hashlib.sha256()
        for t in texts:
            h.update(hashlib.sha256(t.encode()).digest())
        return h.hexdigest()

    def read(self, name):
        try:
            with open(os.path.join(self.copy, name), encoding="utf-8") as f:
                return f.read()
        except OSError as e:
            raise Failure(f"{name}: {e.strerror}") from e

    def _is_sim(self, name):
        parts = name.split("/")
        return name.startswith(("tests/sim/", "gen/")) or (parts[0] == "src" and parts[1] in ROOMS)

    def _copy(self, source):
        """What people edit while this runs is taken once."""
        shutil.rmtree(self.copy, ignore_errors=True)
        for part in ("src", "include", "tests"):
            shutil.copytree(os.path.join(source, part), os.path.join(self.copy, part),
                            ignore=lambda d, names: [n for n in names if not os.path.isdir(os.path.join(d, n)) and
                                                     not n.endswith((".c", ".h"))])
        shutil.copytree(os.path.join(source, "proto"), os.path.join(self.copy, "proto"))

    def _generate(self):
        command([sys.executable, "-B", os.path.join(self.copy, "proto/gen.py"), "--schema",
                 os.path.join(self.copy, "proto/schema"), "--out", os.path.join(self.copy, "gen")])
        self.files = sorted(os.path.relpath(os.path.join(d, f), self.copy)
                            for d, _, names in os.walk(self.copy) for f in names if f.endswith((".c", ".h")))

    def _object(self, name, text, warn):
        """The path of the object that `text`, in the place of the file `name`, is compiled to."""
        path = os.path.join(self.objects, self.digest(self.headers, name, text, str(warn)) + ".o")
        if os.path.exists(path):
            return path
        words = self.cc + OPTIMISE + (WARN if warn else []) + ["-Iinclude", "-Igen", "-I" + os.path.dirname(name)]
        words += [l for l in self.libs if l.startswith(("-I", "-D"))]
        with tempfile.TemporaryDirectory(dir=self.folder) as d:
            changed = os.path.join(d, os.path.basename(name))
            with open(changed, "w", encoding="utf-8") as f:
                f.write(text)
            command(words + ["-c", "-o", os.path.join(d, "o"), changed], cwd=self.copy)
            os.replace(os.path.join(d, "o"), path)
        return path

    def _link(self, objects, path):
        command(self.cc + [WRAP, "-o", path + ".new"] + objects + [l for l in self.libs if not l.startswith("-D")])
        os.replace(path + ".new", path)

    def tree(self):
        """The simulator as it is."""
        made, errors = {}, []
        queue = list(self.sources)

        def worker():
            while not errors:
                try:
                    name = queue.pop()
                except IndexError:
                    return
                try:
                    made[name] = self._object(name, self.read(name), False)
                except Failure as e:
                    errors.append(e)
        threads = [threading.Thread(target=worker) for _ in range(self.jobs)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if errors:
            raise errors[0]
        self.made = made
        self._forget()
        if not os.path.exists(self.sim):
            self._link([made[n] for n in self.sources], self.sim)

    def _forget(self):
        """Programs and objects of older trees."""
        keep = set(self.made.values()) | {self.sim}
        for path in [os.path.join(self.objects, n) for n in os.listdir(self.objects)] + [
                os.path.join(self.folder, n) for n in os.listdir(self.folder) if n.startswith("covey-sim-")]:
            if path not in keep:
                os.unlink(path)

    def mutate(self, mutant):
        """The path of a simulator with one bug more; the caller removes it."""
        strange = [f for f in mutant.files if f not in self.sources]
        if strange:
            raise Failure(f"{mutant.name}: {strange[0]} is no part of the simulator's cores")
        try:
            changed = {f: self._object(f, text, True) for f, text in mutant.apply(self.read).items()}
        except Failure as e:
            raise Failure(f"{mutant.name}: {e}") from e
        path = os.path.join(self.folder, f"covey-sim-{mutant.name}-{os.getpid()}")
        self._link([changed.get(n, self.made[n]) for n in self.sources], path)
        return path
