# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Three etcd on loopback, from Debian's package, with its defaults."""
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request

import bench_cluster as bc

PORT = bc.PORT + 20
NAMES = ("e1", "e2", "e3")


def url(name, what):
    return "http://127.0.0.1:%d" % (PORT + 2 * NAMES.index(name) + what)


class Etcd:
    name, peer = "etcd", "etcd"

    def __init__(self, bench):
        self.etcd = bench.peer("etcd")
        self.dir = tempfile.mkdtemp(prefix="etcd-", dir=bench.dir)
        self.members = {}
        self.start()
        try:
            bc.until("a leader of etcd's", self.leader)
        except bc.Failure:
            self.done()
            raise

    def run(self, name):
        args = [self.etcd, "--name", name, "--data-dir", os.path.join(self.dir, name), "--listen-client-urls", url(name, 0),
                "--advertise-client-urls", url(name, 0), "--listen-peer-urls", url(name, 1), "--initial-advertise-peer-urls",
                url(name, 1), "--initial-cluster", ",".join("%s=%s" % (n, url(n, 1)) for n in NAMES), "--log-level", "error"]
        with open(os.path.join(self.dir, name + ".log"), "ab") as log:
            self.members[name] = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def start(self):
        for name in NAMES:
            self.run(name)

    def status(self):
        """Of those that answer: name to (its id, the leader's)."""
        found = {}
        for name in self.members:
            try:
                with urllib.request.urlopen(url(name, 0) + "/v3/maintenance/status", b"{}", timeout=2) as r:
                    answer = json.loads(r.read())
                    found[name] = answer["header"]["member_id"], answer.get("leader")
            except OSError:
                pass
        return found

    def leader(self):
        status = self.status()
        leaders = {leader for _, leader in status.values()}
        if len(status) < len(self.members) or len(leaders) != 1:
            return None
        return next((n for n, (member, leader) in status.items() if member == leader), None)

    def endpoint(self, name):
        return PORT + 2 * NAMES.index(name)

    def pids(self):
        return {name: p.pid for name, p in self.members.items()}

    def again(self, name):
        bc.end(self.members.pop(name))
        self.run(name)
        bc.until("etcd's three again", lambda: len(self.status()) == 3 and self.leader())

    def stop(self):
        for p in self.members.values():
            bc.end(p)
        self.members = {}

    def done(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
