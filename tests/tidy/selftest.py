# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Each check of this folder is shown something bad, and something good: a check that cannot fail checks nothing."""
import pathlib
import tempfile

import arrows
import binary
import common
import lists
import text
import wire

GOOD_C = text.C_HEAD + "int x(void);\n"


class Samples:
    """Collects what each check said about one bad and one good sample."""

    def __init__(self):
        self.tap = common.Tap()

    def both(self, name, bad, good):
        self.tap.result(f"{name}: the bad sample is seen", [] if bad else ["no complaint"])
        self.tap.result(f"{name}: the good sample passes", good)


def arrows_samples(samples):
    def include(line, room="swim", may_use=("swim", "base", "codec"), own=("own.h",), sodium=False):
        return arrows.includes_check(room, "f.c", GOOD_C + line + "\n", may_use, own, sodium)

    samples.both("another room's doorway", include("#include <covey/raft.h>"), include("#include <covey/wire.h>"))
    samples.both("another room's private header", include('#include "../raft/log.h"'), include('#include "own.h"'))
    samples.both("a header that is not there", include('#include "log.h"'), include('#  include "own.h"'))
    samples.both("a doorway of no room", include("#include <covey/misc.h>"), include("#include <string.h>"))
    samples.both("libev outside daemon", include("#include <ev.h>"),
                 include("#include <ev.h>", "daemon", ("daemon",)))
    samples.both("msgpack outside codec", include("#include <msgpack/pack.h>"),
                 include("#include <msgpack.h>", "codec", ("codec",)))
    samples.both("libsodium outside crypto", include("#include <sodium.h>"),
                 include("#include <sodium.h>", sodium=True))
    shell = arrows.rooms_of_shell("net")
    samples.both("a shell that knows another", include("#include <covey/store.h>", "net", shell),
                 include("#include <covey/raft.h>", "net", shell))

    allowed = common.Allowed("@base\nsodium_*  # wiped\n")
    rooms = {"base": {"mem_alloc"}, "raft": {"raft_step"}, "net": {"net_send"}, "store": {"store_open"}}

    def imports(*names):
        return arrows.imports_check("swim", set(names), rooms, allowed)

    samples.both("a system call in a core", imports("clock_gettime"), imports("memcpy", "mem_alloc"))
    samples.both("a core that calls another", imports("raft_step"), imports("sodium_memzero"))
    samples.both("a shell that calls another", arrows.shell_imports_check("net", {"store_open"}, rooms),
                 arrows.shell_imports_check("daemon", {"store_open", "ev_run"}, rooms))
    samples.both("a library called past its room", arrows.shell_imports_check("net", {"crypto_sign_detached"}, rooms),
                 arrows.shell_imports_check("net", {"randombytes_buf", "raft_step"}, rooms))

    def state(section, flags="l     O"):
        return arrows.state_check("swim", f"0000000000000000 {flags} {section}\t0000000000000008 counter\n")

    samples.both("a static variable", state(".bss"), state(".rodata"))
    samples.both("an initialised variable", state(".data.counter", "g     O"), state(".data.rel.ro.local.table"))
    samples.both("a common symbol", state("*COM*", "      O"), state(".data", "l    d "))


def binary_samples(samples):
    own = set(binary.OWN)
    samples.both("NSS in the binary", binary.nss_check(own | {"__nss_lookup"}), binary.nss_check(own | {"open"}))
    samples.both("c-ares with libc's services", binary.nss_check(set()), binary.nss_check(own))
    samples.both("dlopen in a room", binary.loaders_check("proc", {"dlopen"}), binary.loaders_check("proc", {"open"}))
    samples.both("the name of an NSS module", binary.strings_check(b"..libnss_%s.so"), binary.strings_check(b".."))
    good = "  Type:   DYN (x)\n  GNU_RELRO 0x0 R 0x1\n  GNU_STACK 0x0 RW  0x10\n  LOAD 0x0 R E 0x1000\n"
    for name, bad in (("a dynamic binary", good + "  INTERP 0x0\n"), ("a fixed address", good.replace("DYN", "EXEC")),
                      ("no RELRO", good.replace("GNU_RELRO", "")), ("an executable stack", good.replace("RW ", "RWE")),
                      ("a writable code segment", good.replace("R E", "RWE"))):
        samples.both(name, binary.header_check(bad), binary.header_check(good))
    good = " (FLAGS) BIND_NOW\n"
    for name, bad in (("lazy binding", ""), ("a needed library", good + " (NEEDED) libm.so\n"),
                      ("text relocations", good + " (TEXTREL)\n")):
        samples.both(name, binary.dynamic_check(bad), binary.dynamic_check(good))
    good = {"__stack_chk_fail", "__assert_fail", "__memcpy_chk"}
    for flag in sorted(good):
        samples.both(f"no {flag}", binary.compiled_check(good - {flag}), binary.compiled_check(good))
    marked = "\nFile: liba.a(a.o)\n x86 feature: IBT, SHSTK\n"
    samples.both("an object without IBT", binary.notes_check("a", marked + "\nFile: liba.a(b.o)\n"),
                 binary.notes_check("a", marked))


def text_samples(samples):
    samples.both("no SPDX lines in C", text.head_check("a.c", "int x;\n"), text.head_check("a.c", GOOD_C))
    samples.both("no SPDX lines in a script", text.head_check("a", "#!/bin/sh\nexit 0\n"),
                 text.head_check("a", "#!/bin/sh\n" + text.HASH_HEAD + "exit 0\n"))
    samples.both("a long file", text.size_check("a.c", "\n" * 701), text.size_check("a.c", "\n" * 700))
    samples.both("a tab", text.lines_check("a.c", "\tx\n"), text.lines_check("local.mk", "\tx\n"))
    samples.both("a wide line", text.lines_check("a.h", "x" * 111 + "\n"), text.lines_check("a.h", "x" * 110 + "\n"))
    samples.both("blanks at the end", text.lines_check("a.md", "x \n"), text.lines_check("a.md", "x\n"))
    samples.both("no last newline", text.lines_check("a.md", "x"), text.lines_check("a.md", "x\n"))
    for mark in ("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"):
        samples.both(f"the mark {mark}", text.marks_check("a.c", f"/* {mark}: x */\n"),
                     text.marks_check("a.c", f"mkstemp(\"a.{mark}XYZ\", \"{mark}\");\n"))
    for path in ("/wor" "k/main", "/ho" "me/me", "../sha" "red/data"):
        samples.both(f"the path {path}", text.marks_check("a.c", f"open(\"{path}\")\n"),
                     text.marks_check("a.c", "open(\"/var/lib/covey\")\n"))


def lists_samples(samples):
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        for folder in ("src/base", "tests/bench", "tests/fuzz", "tests/unit"):
            (root / folder).mkdir(parents=True)
        (root / "src/base/a.c").write_text(GOOD_C)
        fragment = root / "src/base/local.mk"
        fragment.write_text("# files: *.c\nlib_SOURCES = \\\n\t%D%/a.c\n")
        update = common.SOURCE / "contrib/dev/update-sources"
        lists.subprocess.run([lists.sys.executable, "-B", update, "--root", root], check=True, capture_output=True)
        good = lists.lists_check(root)
        (root / "src/base/b.c").write_text(GOOD_C)
        samples.both("a file in no list", lists.lists_check(root), good)


def wire_samples(samples):
    schema = 'message ping max 100 "doc {" {\n  1 from id node_id required "who"\n  2 seq u64 "12 apples"\n}\n'
    messages = wire.schema_messages(schema)
    samples.tap.result("a schema is read", [] if messages == {"ping": ["from", "seq"]} else [str(messages)])
    page = {"swim.md": "`ping` has `from` and `seq`."}
    samples.both("a field without a word", wire.pages_check(messages, {"swim.md": "`ping` has `from`."}),
                 wire.pages_check(messages, page))
    samples.both("a message without a word", wire.pages_check(messages, {}), wire.pages_check(messages, page))


def main():
    samples = Samples()
    arrows_samples(samples)
    binary_samples(samples)
    text_samples(samples)
    lists_samples(samples)
    wire_samples(samples)
    samples.tap.done()


if __name__ == "__main__":
    main()
