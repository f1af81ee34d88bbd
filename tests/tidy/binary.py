# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""The binary: whole in itself, nothing loaded while it runs, every hardening flag arrived."""
import fnmatch
import re

import common
from common import PURE, SHELLS

# What asks NSS, and with it loads the host's own libraries.
NSS = ("__nss_*", "_nss_*", "getpwnam*", "getpwuid*", "getgrnam*", "getgrgid*", "getgrouplist", "initgroups",
       "getaddrinfo", "gethostby*", "getservby*", "getservent*", "getnameinfo")
# Every static program of glibc contains its dlopen, for character sets; but no room may ask for it.
LOADERS = ("dlopen", "dlmopen", "dlsym", "iconv_open")
# net/ has these itself, so that c-ares does not take libc's.
OWN = ("getservbyname", "getservbyport_r")


def nss_check(symbols):
    """symbols: the names that the binary defines."""
    complaints = [f"the binary has {name}" for name in sorted(symbols)
                  if name not in OWN and any(fnmatch.fnmatchcase(name, pattern) for pattern in NSS)]
    complaints += [f"the binary has not net's own {name}" for name in OWN if name not in symbols]
    return complaints


def loaders_check(room, imports):
    return [f"{room} imports {name}" for name in LOADERS if name in imports]


def strings_check(content):
    return ["the binary names NSS modules (libnss_)"] if b"libnss_" in content else []


def header_check(headers):
    """`readelf -hlW`: static, position independent, read-only relocations, no executable stack."""
    complaints = []
    if "INTERP" in headers:
        complaints.append("it asks for a dynamic loader")
    if not re.search(r"Type:\s+DYN", headers):
        complaints.append("it is not position independent")
    if "GNU_RELRO" not in headers:
        complaints.append("no segment is protected after relocation (-z relro)")
    stack = re.search(r"GNU_STACK.*", headers)
    if not stack or re.search(r"\bRWE\b", stack.group(0)):
        complaints.append("its stack is executable (-z noexecstack)")
    if re.search(r"LOAD.*\bRWE\b", headers):
        complaints.append("a segment is writable and executable")
    return complaints


def dynamic_check(dynamic):
    """`readelf -dW`: bound before it runs, nothing to load."""
    complaints = []
    if "(NEEDED)" in dynamic:
        complaints.append("it needs shared libraries")
    if not re.search(r"\bBIND_NOW\b|\bNOW\b", dynamic):
        complaints.append("it is not bound at start (-z now)")
    if "TEXTREL" in dynamic:
        complaints.append("its code is relocated (text relocations)")
    return complaints


def compiled_check(imports):
    """imports: what all rooms together import, by their unchanged names."""
    complaints = []
    for name, flag in (("__stack_chk_fail", "-fstack-protector-strong"), ("__assert_fail", "asserts kept")):
        if name not in imports:
            complaints.append(f"no room imports {name} ({flag})")
    if not any(re.fullmatch(r"__\w+_chk", name) for name in imports):
        complaints.append("no room imports a fortified function (-D_FORTIFY_SOURCE)")
    return complaints


def notes_check(room, notes):
    """`readelf -n` of a room's archive: each object with code is marked for indirect branch tracking."""
    objects = notes.count("\nFile: ") + notes.startswith("File: ")
    marked = len(re.findall(r"x86 feature:.*\bIBT\b", notes))
    return [] if marked >= objects else [f"{room}: {objects - marked} objects without the IBT note (-fcf-protection)"]


def main():
    tap = common.Tap()
    binary = common.BUILD / "covey"
    if not common.PLAIN:
        tap.skip("the binary", "an instrumented build is dynamic and not hardened")
    elif not binary.exists():
        tap.result("the binary is built", [f"{binary} is not there"])
    else:
        readelf = common.tool("READELF")
        symbols = {name for kind, name in common.nm(binary) if kind not in "Uwv"}
        archives = {room: common.archive(room) for room in (*PURE, *SHELLS)}
        imports = {room: {name for kind, name in common.nm(path) if kind in "Uwv"} for room, path in archives.items()}
        tap.result("nothing asks NSS", nss_check(symbols))
        tap.result("no room loads libraries",
                   [line for room in archives for line in loaders_check(room, imports[room])])
        tap.result("no NSS module is named", strings_check(binary.read_bytes()))
        headers = common.output(readelf, "-hlW", str(binary))
        tap.result("it is a static, position-independent program with protected segments", header_check(headers))
        tap.result("it is bound at start and needs no library",
                   dynamic_check(common.output(readelf, "-dW", str(binary))))
        tap.result("rooms are compiled with stack protector, fortified functions and asserts",
                   compiled_check(set().union(*imports.values())))
        if "X86-64" in headers:
            complaints = [line for room, path in archives.items()
                          for line in notes_check(room, common.output(readelf, "-n", str(path)))]
            tap.result("rooms are compiled for indirect branch tracking", complaints)
        else:
            tap.skip("indirect branch tracking", "looked for on x86-64 only")
    tap.done()


if __name__ == "__main__":
    main()
