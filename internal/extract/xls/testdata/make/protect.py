"""Encrypts a workbook as Excel 2002 to 2007 do (MS-OFFCRYPTO 2.3.5: RC4 with SHA-1), written from the specification.

    python3 protect.py from.xls to.xls password
"""
import hashlib
import os
import struct
import sys

import olefile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../msg/testdata/make"))
from make import compound  # noqa: E402


def rc4(key, n):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) % 256
        s[i], s[j] = s[j], s[i]
    i = j = 0
    out = bytearray()
    for _ in range(n):
        i = (i + 1) % 256
        j = (j + s[i]) % 256
        s[i], s[j] = s[j], s[i]
        out.append(s[(s[i] + s[j]) % 256])
    return bytes(out)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


source, target, password = sys.argv[1:]
ole = olefile.OleFileIO(source)
stream = ole.openstream("Workbook").read()
salt = bytes(range(16))
secret = hashlib.sha1(salt + password.encode("utf-16le")).digest()


def key(block):
    return hashlib.sha1(secret + struct.pack("<I", block)).digest()[:16]


verifier = bytes(range(100, 116))
both = xor(verifier + hashlib.sha1(verifier).digest(), rc4(key(0), 36))
name = "Microsoft Enhanced Cryptographic Provider v1.0\0".encode("utf-16le")
header = struct.pack("<IIIIIIII", 4, 0, 0x6801, 0x8004, 128, 1, 0, 0) + name
filepass = struct.pack("<HHHII", 1, 4, 2, 4, len(header)) + header + struct.pack("<I", 16) + salt + both[:16] + struct.pack("<I", 20) + both[16:]

records, at = [], 0
while at + 4 <= len(stream):
    kind, size = struct.unpack_from("<HH", stream, at)
    if kind == 0 and size == 0:
        break
    records.append((kind, at, stream[at + 4:at + 4 + size]))
    at += 4 + size
new, moved = [], {}
at = 0
for i, (kind, old, body) in enumerate(records):
    moved[old] = at
    new.append((kind, body))
    at += 4 + len(body)
    if i == 0:
        new.append((0x2F, filepass))
        at += 4 + len(filepass)
out = b""
for kind, body in new:
    plain = len(body) if kind in (0x809, 0x2F, 0xE1) else 0
    if kind == 0x85:
        body, plain = struct.pack("<I", moved[struct.unpack("<I", body[:4])[0]]) + body[4:], 4
    at = len(out) + 4
    stop = at + len(body)
    stretch = b"".join(rc4(key(b), 1024) for b in range(at // 1024, stop // 1024 + 1))[at % 1024:]
    out += struct.pack("<HH", kind, len(body)) + body[:plain] + xor(body[plain:], stretch[plain:])
with open(target, "wb") as f:
    f.write(compound({"Workbook": out.ljust(4096, b"\0")}))
