# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""MessagePack-RPC over an agent's socket (proto/admin.md) with nothing but Python: what the admin protocol uses of it.
A field that has its default is not sent, so answers are to be asked with .get()."""
import itertools
import socket
import struct

NUMBERS = {0xca: ">f", 0xcb: ">d", 0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q", 0xd0: ">b", 0xd1: ">h", 0xd2: ">i",
           0xd3: ">q"}
SIZES = {0xd9: ">B", 0xda: ">H", 0xdb: ">I", 0xc4: ">B", 0xc5: ">H", 0xc6: ">I", 0xdc: ">H", 0xdd: ">I", 0xde: ">H",
         0xdf: ">I"}
CONSTANTS = {0xc0: None, 0xc2: False, 0xc3: True}


class Error(Exception):
    """An agent's answer that something did not work."""

    def __init__(self, code, text):
        super().__init__("%s (%d)" % (text, code))
        self.code = code


class Short(Exception):
    """The message goes on beyond the bytes that there are."""


def head(size, small, small_max, codes):
    """The first bytes of text, bytes, a list or a map of that size; codes: of one, two and four bytes of size."""
    if small is not None and size <= small_max:
        return bytes([small | size])
    for code, form, limit in zip(codes, (">B", ">H", ">I"), (0xff, 0xffff, 0xffffffff)):
        if code and size <= limit:
            return bytes([code]) + struct.pack(form, size)
    raise ValueError("too large: %d" % size)


def pack(value):
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        if 0 <= value < 128:
            return bytes([value])
        return b"\xd3" + struct.pack(">q", value) if value < 0 else b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, str):
        data = value.encode()
        return head(len(data), 0xa0, 31, (0xd9, 0xda, 0xdb)) + data
    if isinstance(value, bytes):
        return head(len(value), None, 0, (0xc4, 0xc5, 0xc6)) + value
    if isinstance(value, (list, tuple)):
        return head(len(value), 0x90, 15, (0, 0xdc, 0xdd)) + b"".join(map(pack, value))
    if isinstance(value, dict):
        return head(len(value), 0x80, 15, (0, 0xde, 0xdf)) + b"".join(pack(k) + pack(v) for k, v in value.items())
    raise TypeError("cannot be packed: %r" % (value,))


class Unpacker:
    """Reads one value from the front of data; raises Short when data ends before it does."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        if self.at + size > len(self.data):
            raise Short
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def value(self):
        code = self.take(1)[0]
        if code < 0x80 or code >= 0xe0:
            return code if code < 0x80 else code - 0x100
        if code < 0xc0:
            return self.sized(code & (0x1f if code >= 0xa0 else 0x0f), 0xd9 if code >= 0xa0 else 0xdc + (code < 0x90) * 2)
        if code in CONSTANTS:
            return CONSTANTS[code]
        if code in NUMBERS:
            return self.number(NUMBERS[code])
        if code in SIZES:
            return self.sized(self.number(SIZES[code]), code)
        raise ValueError("no MessagePack that the protocol uses: %#x" % code)

    def sized(self, size, code):
        if code >= 0xde:
            return {self.value(): self.value() for _ in range(size)}
        if code >= 0xdc:
            return [self.value() for _ in range(size)]
        data = self.take(size)
        return data.decode(errors="replace") if code >= 0xd9 else bytes(data)


class Client:
    """One connection; calls one after the other."""

    def __init__(self, path, timeout=30):
        self.ids = itertools.count(1)
        self.data = b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def receive(self):
        size_wanted = 0
        while True:
            if len(self.data) >= size_wanted:
                unpacker = Unpacker(self.data)
                try:
                    frame = unpacker.value()
                    self.data = self.data[unpacker.at:]
                    return frame
                except Short:
                    # A large answer comes in many pieces: looked at again only when it has doubled, or is all here.
                    size_wanted = 0 if len(self.data) < 65536 else len(self.data) + 32768
            more = self.socket.recv(1 << 20)
            if not more:
                raise ConnectionError("the agent closed the connection")
            self.data += more
            if len(more) < 32768:
                size_wanted = 0

    def call(self, method, **params):
        number = next(self.ids)
        self.socket.sendall(pack([0, number, method, params]))
        while True:
            frame = self.receive()
            if frame[0] == 1 and frame[1] in (0, number):
                if frame[2]:
                    raise Error(frame[2].get("code", 0), frame[2].get("text", ""))
                return frame[3]
