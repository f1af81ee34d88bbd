#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the covey authors
"""Makes noise-xxpsk0.json: a second implementation of what src/crypto does, for test vectors only.

It is written from the specifications (RFC 7748, RFC 8032, RFC 8439, draft-irtf-cfrg-xchacha-03, Noise revision
34, proto/security.md) on Python's own hashlib and integers, and shares nothing with the C code. It is slow and
leaks its secrets through timing.

    noise_xxpsk0.py > noise-xxpsk0.json
    noise_xxpsk0.py --check noise-xxpsk0.json
"""
import hashlib
import hmac
import json
import struct
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


def blake2b(data):
    return hashlib.blake2b(data).digest()


# ---- X25519 (RFC 7748 section 5) ----

def clamp(k):
    return int.from_bytes(k, "little") & ~7 & (2**255 - 1) & ~(1 << 255) | 1 << 254


def x25519(k, u=(9).to_bytes(32, "little")):
    k, x1 = clamp(k), int.from_bytes(u, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3, z3 = (da + cb)**2 % P, x1 * (da - cb)**2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


# ---- Ed25519 (RFC 8032 section 5.1) ----

D = -121665 * pow(121666, P - 2, P) % P
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202,
        46316835694926478169428394003475163141307993866256225615783033603165251855960)


def point_add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P, (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P)


def point_mul(k, p):
    r = (0, 1)
    while k:
        if k & 1:
            r = point_add(r, p)
        p, k = point_add(p, p), k >> 1
    return r


def point_bytes(p):
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


class Identity:
    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()
        self.seed, self.scalar, self.prefix = seed, clamp(digest[:32]), digest[32:]
        self.public = point_bytes(point_mul(self.scalar, BASE))
        self.static_secret = self.scalar.to_bytes(32, "little")
        self.static = x25519(self.static_secret)
        y = int.from_bytes(self.public, "little") & (2**255 - 1)
        assert (1 + y) * pow(1 - y, P - 2, P) % P == int.from_bytes(self.static, "little")
        self.id = blake2b(self.public)[:16]

    def sign(self, context, message):
        m = blake2b(b"covey-sign" + bytes([len(context)]) + context + message)
        r = int.from_bytes(hashlib.sha512(self.prefix + m).digest(), "little") % L
        big_r = point_bytes(point_mul(r, BASE))
        k = int.from_bytes(hashlib.sha512(big_r + self.public + m).digest(), "little") % L
        return big_r + ((r + k * self.scalar) % L).to_bytes(32, "little")


# ---- ChaCha20, Poly1305, the AEADs (RFC 8439; HChaCha20 of the XChaCha draft) ----

def chacha_rounds(state):
    x = list(state)

    def quarter(a, b, c, d):
        for (i, j, k, n) in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[i] = x[i] + x[j] & 0xffffffff
            v = x[k] ^ x[i]
            x[k] = (v << n | v >> 32 - n) & 0xffffffff
    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return x


def chacha_state(key, last16):
    return struct.unpack("<16I", b"expand 32-byte k" + key + last16)


def chacha_stream(key, counter, nonce, size):
    out = b""
    while len(out) < size:
        state = chacha_state(key, struct.pack("<I", counter) + nonce)
        out += struct.pack("<16I", *(a + b & 0xffffffff for a, b in zip(state, chacha_rounds(state))))
        counter += 1
    return out[:size]


def hchacha(key, nonce16):
    x = chacha_rounds(chacha_state(key, nonce16))
    return struct.pack("<8I", *x[:4], *x[12:])


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return (acc + int.from_bytes(key[16:], "little") & 2**128 - 1).to_bytes(16, "little")


def pad16(data):
    return data + bytes(-len(data) % 16)


def seal(key, nonce, ad, plain):
    cipher = bytes(a ^ b for a, b in zip(plain, chacha_stream(key, 1, nonce, len(plain))))
    sizes = struct.pack("<QQ", len(ad), len(cipher))
    return cipher + poly1305(chacha_stream(key, 0, nonce, 32), pad16(ad) + pad16(cipher) + sizes)


def xseal(key, nonce24, ad, plain):
    return seal(hchacha(key, nonce24[:16]), bytes(4) + nonce24[16:], ad, plain)


# ---- Noise (revision 34) ----

def hkdf(chaining_key, material, count):
    def mac(key, data):
        return hmac.new(key, data, hashlib.blake2b).digest()
    base, out = mac(chaining_key, material), [b""]
    for i in range(count):
        out.append(mac(base, out[-1] + bytes([i + 1])))
    return out[1:]


class Cipher:
    def __init__(self, key):
        self.key, self.n = key, 0

    def encrypt(self, ad, plain):
        self.n += 1
        return seal(self.key, struct.pack("<IQ", 0, self.n - 1), ad, plain)

    def rekey(self):
        self.key = seal(self.key, struct.pack("<IQ", 0, 2**64 - 1), b"", bytes(32))[:32]


class Symmetric:
    """Both sides at once: in a vector they always agree."""

    def __init__(self, name, prologue):
        self.ck = self.h = name.ljust(64, b"\0")
        self.cipher = None
        self.mix_hash(prologue)

    def mix_hash(self, data):
        self.h = blake2b(self.h + data)

    def mix_key(self, material):
        self.ck, key = hkdf(self.ck, material, 2)
        self.cipher = Cipher(key[:32])

    def mix_psk(self, psk):
        self.ck, extra, key = hkdf(self.ck, psk, 3)
        self.mix_hash(extra)
        self.cipher = Cipher(key[:32])

    def mix_e(self, public):
        self.mix_hash(public)
        self.mix_key(public)
        return public

    def encrypt(self, plain):
        out = self.cipher.encrypt(self.h, plain)
        self.mix_hash(out)
        return out


def xxpsk0(prologue, psk, si, ei, sr, er, payloads):
    """-> psk, e   <- e, ee, s, es   -> s, se. Returns the messages, h, and the two transport ciphers."""
    y = Symmetric(b"Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b", prologue)
    y.mix_psk(psk)
    one = y.mix_e(x25519(ei)) + y.encrypt(payloads[0])
    two = y.mix_e(x25519(er))
    y.mix_key(x25519(ei, x25519(er)))
    two += y.encrypt(x25519(sr))
    y.mix_key(x25519(ei, x25519(sr)))
    two += y.encrypt(payloads[1])
    three = y.encrypt(x25519(si))
    y.mix_key(x25519(er, x25519(si)))
    three += y.encrypt(payloads[2])
    first, second = hkdf(y.ck, b"", 2)
    return [one, two, three], y.h, Cipher(first[:32]), Cipher(second[:32])


# ---- what covey makes of it (proto/security.md) ----

def stream_psk(secret, cluster):
    return hkdf(secret, b"stream-psk" + cluster, 1)[0][:32]


def frames(cipher, message):
    data, out = struct.pack(">I", len(message)) + message, b""
    while data:
        part, data = data[:65535 - 16], data[65535 - 16:]
        sealed = cipher.encrypt(b"", part)
        out += struct.pack(">H", len(sealed)) + sealed
    return out


def token(cluster, secret):
    raw = cluster + secret
    raw += blake2b(b"covey-token" + raw)[:4]
    bits = "".join(format(b, "08b") for b in raw) + "0000"
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    return "covey1-" + "".join(digits[int(bits[i:i + 5], 2)] for i in range(0, len(bits), 5))


def csprng(seed, sizes):
    """Fast key erasure: each run of at most 512 bytes gives the next key first."""
    key, out = seed, []
    for size in sizes:
        drawn = b""
        while len(drawn) < size:
            part = min(480, size - len(drawn))
            # libsodium's original ChaCha20: 64-bit counter 0 and 64-bit nonce 0, the same bytes up to 2^32 blocks.
            run = chacha_stream(key, 0, bytes(12), 32 + part)
            key, drawn = run[:32], drawn + run[32:]
        out.append(drawn)
    return out


# ---- the vectors ----

def bytes_from(label, size=32):
    return hashlib.shake_256(b"covey vector " + label.encode()).digest(size)


def make_published_form():
    vectors = []
    for number, (prologue, payloads) in enumerate([
            (b"", [b"", b"", b""]),
            (b"John Galt", [b"Ludwig", b"Murray Rothbard", b"F. A. Hayek"]),
            (bytes_from("prologue", 300), [bytes_from("p1", 1000), bytes_from("p2", 1), bytes_from("p3", 64)])]):
        psk, si, ei, sr, er = (bytes_from(f"{number} {n}") for n in ("psk", "si", "ei", "sr", "er"))
        messages, h, to_r, to_i = xxpsk0(prologue, psk, si, ei, sr, er, payloads)
        lines = [{"payload": p.hex(), "ciphertext": c.hex()} for p, c in zip(payloads, messages)]
        for i, payload in enumerate([b"first answer", b"", b"second answer", b"and back"]):
            cipher = to_r if i % 2 else to_i    # message 4 is the responder's
            lines.append({"payload": payload.hex(), "ciphertext": cipher.encrypt(b"", payload).hex()})
        vectors.append({
            "protocol_name": "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b",
            "init_prologue": prologue.hex(), "init_psks": [psk.hex()], "init_static": si.hex(),
            "init_ephemeral": ei.hex(), "resp_prologue": prologue.hex(), "resp_psks": [psk.hex()],
            "resp_static": sr.hex(), "resp_ephemeral": er.hex(), "handshake_hash": h.hex(), "messages": lines})
    return vectors


def counting(size):
    return bytes(i % 251 for i in range(size))


def short(message):
    """A message of the vector: in hex, or as the count of bytes of 0, 1, ... 250, 0, 1, ..."""
    return len(message) if len(message) > 1000 and message == counting(len(message)) else message.hex()


def make_session(name, key_id, to_responder, to_initiator):
    cluster, secret = bytes_from(name + " cluster", 16), bytes_from(name + " secret")
    i, r = Identity(bytes_from(name + " init seed")), Identity(bytes_from(name + " resp seed"))
    ei, er = bytes_from(name + " init entropy"), bytes_from(name + " resp entropy")
    hello = b"covey\0" + bytes([1, key_id]) + cluster
    messages, h, to_r, to_i = xxpsk0(hello, stream_psk(secret, cluster), i.static_secret, ei, r.static_secret, er,
                                     [b"", b"", b""])
    one, two, three = (struct.pack(">H", len(m)) + m for m in messages)
    init_out = hello + one + three + b"".join(frames(to_r, m) for m in to_responder)
    resp_out = two + b"".join(frames(to_i, m) for m in to_initiator)
    # Long outputs are given by their hash.
    return {
        "name": name, "key_id": key_id, "cluster": cluster.hex(), "secret": secret.hex(),
        "psk": stream_psk(secret, cluster).hex(), "init_seed": i.seed.hex(), "resp_seed": r.seed.hex(),
        "init_entropy": ei.hex(), "resp_entropy": er.hex(), "handshake_hash": h.hex(),
        "messages_to_responder": [short(m) for m in to_responder],
        "messages_to_initiator": [short(m) for m in to_initiator],
        "init_output_size": len(init_out), "init_output_blake2b": blake2b(init_out).hex(),
        "init_output_start": init_out[:400].hex(),
        "resp_output_size": len(resp_out), "resp_output_blake2b": blake2b(resp_out).hex(),
        "resp_output_start": resp_out[:400].hex()}


def make_identity(name):
    i = Identity(bytes_from(name))
    context, message = b"checkpoint", bytes_from(name + " message", 100)
    return {"seed": i.seed.hex(), "public_key": i.public.hex(), "node_id": i.id.hex(), "static_key": i.static.hex(),
            "context": context.decode(), "message": message.hex(), "signature": i.sign(context, message).hex()}


def make_envelope(name, key_id, receiver, boot, sequence, payload):
    key, cluster, sender = bytes_from(name + " key"), bytes_from(name + " cluster", 16), bytes_from(name, 16)
    seed = bytes_from(name + " rng")
    nonce = csprng(seed, [24])[0]
    clear = bytes([1 | (0x80 if receiver == bytes(16) else 0), key_id])
    inner = sender + struct.pack(">IQ", boot, sequence) + payload
    packet = clear + nonce + xseal(key, nonce, clear + cluster + receiver, inner)
    return {"key_id": key_id, "key": key.hex(), "cluster": cluster.hex(), "sender": sender.hex(),
            "receiver": receiver.hex(), "boot": boot, "sequence": str(sequence), "rng_seed": seed.hex(),
            "payload": payload.hex(), "packet": packet.hex()}


def make_token(name):
    cluster, secret = bytes_from(name + " cluster", 16), bytes_from(name)
    return {"cluster": cluster.hex(), "secret": secret.hex(), "token": token(cluster, secret)}


def make_csprng():
    seed, sizes = bytes_from("csprng"), [1, 32, 480, 481, 2000, 24]
    return {"seed": seed.hex(), "sizes": sizes, "blake2b": [blake2b(o).hex() for o in csprng(seed, sizes)]}


def make_rekey():
    cipher, out = Cipher(bytes_from("rekey")), []
    for _ in range(3):
        out.append(cipher.encrypt(b"", b"text").hex())
        cipher.rekey()
    return {"key": bytes_from("rekey").hex(), "payload": b"text".hex(), "ciphertexts": out}


def self_check():
    """The published examples of the primitives."""
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    assert x25519(scalar, point).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    tag = poly1305(bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"),
                   b"Cryptographic Forum Research Group")
    assert tag.hex() == "a8061dc1305136c6c22b8baf0c0127a9"
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    assert Identity(seed).public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    assert hchacha(bytes(range(32)), nonce).hex() == \
        "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"


def main():
    self_check()
    text = json.dumps({
        "source": "made by noise_xxpsk0.py",
        "vectors": make_published_form(),
        "sessions": [make_session("member stream", 7, [b"hello", b"", b"x" * 300], [b"welcome"]),
                     make_session("join", 0, [b"let me in"], []),
                     make_session("long message", 255, [b"?"], [counting(70000), b"end"])],
        "identities": [make_identity(f"identity {i}") for i in range(3)],
        "envelopes": [make_envelope("envelope a", 1, bytes_from("receiver", 16), 3, 42, b"ping"),
                      make_envelope("envelope b", 255, bytes(16), 2**32 - 1, 2**64 - 1, b""),
                      make_envelope("envelope c", 9, bytes_from("receiver", 16), 0, 0, bytes_from("mtu", 1200))],
        "tokens": [make_token(f"token {i}") for i in range(3)],
        "csprng": make_csprng(),
        "rekey": make_rekey(),
    }, indent=1) + "\n"
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="ascii") as file:
            sys.exit(0 if file.read() == text else "the file differs from what this script makes")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
