"""Writes the ORC samples, from the specifications of ORC (versions 0 and 1) alone: it shares nothing with the reader, not even the language.

    python3 orcwrite.py FOLDER

zstd comes from the program of that name, Brotli from Node.js.
"""
import decimal
import os
import struct
import subprocess
import sys
import zlib

NONE, ZLIB, SNAPPY, LZO, LZ4, ZSTD, BROTLI = range(7)
KINDS = {k: i for i, k in enumerate(
    "boolean byte short int long float double string binary timestamp list map struct union decimal date varchar char instant".split())}
PRESENT, DATA, LENGTH, DICTIONARY, COUNT, SECONDARY, ROW_INDEX = range(7)


# Protocol buffers

def uvarint(n):
    out = bytearray()
    while n > 0x7f:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def zz(n):
    return 2 * n if n >= 0 else -2 * n - 1


def msg(*fields):
    out = b""
    for number, value in fields:
        if value is None:
            continue
        if isinstance(value, int):
            out += uvarint(number << 3) + uvarint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += uvarint(number << 3 | 2) + uvarint(len(value)) + value
    return out


# Codecs

def snappy(data):
    out, i, start, seen = bytearray(uvarint(len(data))), 0, 0, {}

    def literal(part):
        while part:
            piece, part = part[:60], part[60:]
            out.append((len(piece) - 1) << 2)
            out.extend(piece)
    while i + 4 <= len(data):
        at = seen.get(data[i:i + 4])
        seen[data[i:i + 4]] = i
        if at is None or i - at > 60000:
            i += 1
            continue
        n = 4
        while i + n < len(data) and n < 64 and data[at + n] == data[i + n]:
            n += 1
        literal(data[start:i])
        out.append((n - 1) << 2 | 2)
        out.extend(struct.pack("<H", i - at))
        i += n
        start = i
    literal(data[start:])
    return bytes(out)


def lz4(data):
    out, i, start, seen = bytearray(), 0, 0, {}

    def length(n):
        while n >= 255:
            out.append(255)
            n -= 255
        out.append(n)

    def sequence(part, match):
        low = 0 if match is None else min(15, match[1] - 4)
        out.append(min(15, len(part)) << 4 | low)
        if len(part) >= 15:
            length(len(part) - 15)
        out.extend(part)
        if match:
            out.extend(struct.pack("<H", match[0]))
            if low == 15:
                length(match[1] - 4 - 15)
    while i + 12 < len(data):
        at = seen.get(data[i:i + 4])
        seen[data[i:i + 4]] = i
        if at is None or i - at > 60000:
            i += 1
            continue
        n = 4
        while i + n < len(data) - 5 and data[at + n] == data[i + n]:
            n += 1
        sequence(data[start:i], (i - at, n))
        i += n
        start = i
    sequence(data[start:], None)
    return bytes(out)


def deflate(data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return c.compress(data) + c.flush()


def program(*argv):
    return lambda data: subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True).stdout


CODECS = {ZLIB: deflate, SNAPPY: snappy, LZ4: lz4, LZO: lambda d: d[:-1],
          ZSTD: program("zstd", "-19", "-c", "--no-check"),
          BROTLI: program("node", "-e", "process.stdout.write(require('zlib').brotliCompressSync(require('fs').readFileSync(0)))")}


def chunked(data, codec, chunk):
    if codec == NONE:
        return data
    out = b""
    for at in range(0, len(data), chunk):
        part = data[at:at + chunk]
        packed = CODECS[codec](part)
        original = len(packed) >= len(part)
        body = part if original else packed
        out += struct.pack("<I", len(body) << 1 | original)[:3] + body
    return out


# Runs

def byte_runs(values):
    out, i = bytearray(), 0
    while i < len(values):
        n = 1
        while i + n < len(values) and n < 130 and values[i + n] == values[i]:
            n += 1
        if n >= 3:
            out += bytes([n - 3, values[i]])
            i += n
            continue
        start = i
        while i < len(values) and i - start < 128 and not (i + 2 < len(values) and values[i] == values[i + 1] == values[i + 2]):
            i += 1
        out += bytes([256 - (i - start)]) + bytes(values[start:i])
    return bytes(out)


def bit_runs(values):
    packed = []
    for i in range(0, len(values), 8):
        part = values[i:i + 8]
        packed.append(sum(1 << (7 - k) for k, v in enumerate(part) if v))
    return byte_runs(packed)


def ints1(values, signed):
    out, i = bytearray(), 0
    var = (lambda v: uvarint(zz(v))) if signed else uvarint
    while i < len(values):
        n = 1
        if i + 1 < len(values) and -128 <= values[i + 1] - values[i] <= 127:
            step = values[i + 1] - values[i]
            while i + n < len(values) and n < 130 and values[i + n] - values[i + n - 1] == step:
                n += 1
        if n >= 3:
            out += bytes([n - 3, step & 255]) + var(values[i])
            i += n
            continue
        part = values[i:i + 2]
        out += bytes([256 - len(part)]) + b"".join(var(v) for v in part)
        i += len(part)
    return bytes(out)


WIDTHS = list(range(1, 25)) + [26, 28, 30, 32, 40, 48, 56, 64]


def width(v):
    bits = max(1, max(x.bit_length() for x in v) if v else 1)
    return next(w for w in WIDTHS if w >= bits)


def pack(values, w):
    bits = 0
    for v in values:
        bits = bits << w | v
    total = len(values) * w
    pad = -total % 8
    return (bits << pad).to_bytes((total + pad) // 8, "big")


def header(kind, code, n):
    return bytes([kind << 6 | code << 1 | (n - 1) >> 8, (n - 1) & 255])


def short_repeat(part, signed):
    v = zz(part[0]) if signed else part[0]
    size = max(1, (v.bit_length() + 7) // 8)
    return bytes([(size - 1) << 3 | (len(part) - 3)]) + v.to_bytes(size, "big")


def direct(part, signed):
    v = [zz(x) for x in part] if signed else part
    w = width(v)
    return header(1, WIDTHS.index(w), len(part)) + pack(v, w)


def delta(part, signed):
    steps = [b - a for a, b in zip(part, part[1:])]
    same = all(s == steps[0] for s in steps)
    out = uvarint(zz(part[0]) if signed else part[0]) + uvarint(zz(steps[0]))
    if same:
        return header(3, 0, len(part)) + out
    rest = [abs(s) for s in steps[1:]]
    w = max(2, width(rest))
    return header(3, WIDTHS.index(w), len(part)) + out + pack(rest, w)


def patched(part, signed):
    base = min(part)
    over = [v - base for v in part]
    order = sorted(v.bit_length() for v in over)
    w = next(x for x in WIDTHS if x >= max(1, order[int(len(order) * 0.9)]))
    exceptions = [(i, v >> w) for i, v in enumerate(over) if v >> w]
    pw = width([p for _, p in exceptions])
    entries, last = [], 0
    for i, p in exceptions:
        gap = i - last
        while gap > 255:
            entries.append((255, 0))
            gap -= 255
        entries.append((gap, p))
        last = i
    gw = max(1, max(g.bit_length() for g, _ in entries))
    size = max(1, (abs(base).bit_length() + 8) // 8)
    raw = abs(base) | (1 << (8 * size - 1) if base < 0 else 0)
    out = header(2, WIDTHS.index(w), len(part)) + bytes([(size - 1) << 5 | WIDTHS.index(pw), (gw - 1) << 5 | len(entries)])
    out += raw.to_bytes(size, "big") + pack([v & ((1 << w) - 1) for v in over], w)
    return out + pack([g << pw | p for g, p in entries], next(x for x in WIDTHS if x >= gw + pw))


def ints2(values, signed):
    out, i = b"", 0
    while i < len(values):
        n = 1
        while i + n < len(values) and n < 10 and values[i + n] == values[i]:
            n += 1
        if n >= 3:
            out += short_repeat(values[i:i + n], signed)
            i += n
            continue
        part = values[i:i + 512]
        for k in range(len(part) - 2):
            if part[k] == part[k + 1] == part[k + 2] and k > 0:
                part = part[:k]
                break
        steps = [b - a for a, b in zip(part, part[1:])]
        monotonic = len(part) > 2 and (all(s >= 0 for s in steps) and steps[0] >= 0 or all(s <= 0 for s in steps) and steps[0] < 0)
        spread = sorted((v - min(part)).bit_length() for v in part)
        if monotonic and max(part) - min(part) < 1 << 62:
            out += delta(part, signed)
        elif len(part) >= 20 and signed and spread[-1] < 60 and spread[-1] - spread[int(len(part) * 0.9)] > 3 and sum(s > spread[int(len(part) * 0.9)] for s in spread) < 20:
            out += patched(part, signed)
        else:
            out += direct(part, signed)
        i += len(part)
    return out


# Columns

class Type:
    """A type of the schema: kind, and the types below it (for a struct as pairs of name and type)."""

    def __init__(self, kind, *below, scale=0, dictionary=False):
        self.kind, self.below, self.scale, self.dictionary = kind, below, scale, dictionary

    def children(self):
        return [b[1] if self.kind == "struct" else b for b in self.below]


def flatten(t, out):
    t.id = len(out)
    out.append(t)
    for c in t.children():
        flatten(c, out)
    return out


class Writer:
    def __init__(self, schema, codec=NONE, version=2, chunk=256 << 10, zone="UTC", epoch=1420070400):
        self.types = flatten(schema, [])
        self.schema, self.codec, self.version, self.chunk, self.zone, self.epoch = schema, codec, version, chunk, zone, epoch
        self.body, self.stripes, self.rows = b"ORC", [], 0

    def ints(self, values, signed):
        return (ints1 if self.version == 1 else ints2)(values, signed)

    def column(self, t, values, streams):
        add = lambda kind, data: streams.append((kind, t.id, data))
        if any(v is None for v in values):
            add(PRESENT, bit_runs([v is not None for v in values]))
            values = [v for v in values if v is not None]
        if t.kind == "struct":
            for name, c in t.below:
                self.column(c, [v.get(name) for v in values], streams)
        elif t.kind == "list":
            add(LENGTH, self.ints([len(v) for v in values], False))
            self.column(t.below[0], [x for v in values for x in v], streams)
        elif t.kind == "map":
            add(LENGTH, self.ints([len(v) for v in values], False))
            self.column(t.below[0], [k for v in values for k in v], streams)
            self.column(t.below[1], [v[k] for v in values for k in v], streams)
        elif t.kind == "union":
            add(DATA, byte_runs([tag for tag, _ in values]))
            for i, c in enumerate(t.below):
                self.column(c, [v for tag, v in values if tag == i], streams)
        elif t.kind == "boolean":
            add(DATA, bit_runs(values))
        elif t.kind == "byte":
            add(DATA, byte_runs([v & 255 for v in values]))
        elif t.kind in ("short", "int", "long", "date"):
            add(DATA, self.ints(values, True))
        elif t.kind in ("float", "double"):
            add(DATA, b"".join(struct.pack("<f" if t.kind == "float" else "<d", v) for v in values))
        elif t.kind in ("timestamp", "instant"):
            seconds, nanos = [], []
            for sec, ns in values:
                seconds.append(sec - (1420070400 if t.kind == "instant" else self.epoch))
                if sec < 0 and ns > 999999:
                    seconds[-1] += 1
                zeros = 0
                while ns and ns % 10 == 0 and zeros < 8:
                    ns //= 10
                    zeros += 1
                if zeros == 1:
                    ns, zeros = ns * 10, 0
                nanos.append(ns << 3 | (zeros - 1 if zeros else 0))
            add(DATA, self.ints(seconds, True))
            add(SECONDARY, self.ints(nanos, False))
        elif t.kind == "decimal":
            parts = [decimal.Decimal(v).as_tuple() for v in values]
            unscaled = [(-1 if p.sign else 1) * int("".join(map(str, p.digits))) for p in parts]
            add(DATA, b"".join(uvarint(zz(v)) for v in unscaled))
            add(SECONDARY, self.ints([-p.exponent for p in parts], True))
        else:
            raw = [v if isinstance(v, bytes) else v.encode() for v in values]
            if t.dictionary:
                words = sorted(set(raw))
                t.entries = len(words)
                add(DATA, self.ints([words.index(v) for v in raw], False))
                add(DICTIONARY, b"".join(words))
                add(LENGTH, self.ints([len(w) for w in words], False))
            else:
                add(DATA, b"".join(raw))
                add(LENGTH, self.ints([len(v) for v in raw], False))

    def stripe(self, rows):
        streams = []
        self.column(self.schema, rows, streams)
        index = [(ROW_INDEX, t.id, msg((1, msg((1, b"\0"))))) for t in self.types]
        offset, described, parts = len(self.body), [], {"index": b"", "data": b""}
        for part, group in (("index", index), ("data", streams)):
            for kind, column, data in group:
                data = chunked(data, self.codec, self.chunk)
                described.append((1, msg((1, kind), (2, column), (3, len(data)))))
                parts[part] += data
        encodings = [(2, msg((1, (2 if self.version == 2 else 0) + t.dictionary), (2, t.entries if t.dictionary else None))) for t in self.types]
        footer = chunked(msg(*described, *encodings, (3, self.zone)), self.codec, self.chunk)
        self.body += parts["index"] + parts["data"] + footer
        self.stripes.append((3, msg((1, offset), (2, len(parts["index"])), (3, len(parts["data"])), (4, len(footer)), (5, len(rows)))))
        self.rows += len(rows)

    def close(self, encrypted=False):
        types = []
        for t in self.types:
            below = b"".join(uvarint(c.id) for c in t.children())
            names = [(3, b[0]) for b in t.below] if t.kind == "struct" else []
            types.append((4, msg((1, KINDS[t.kind]), (2, below or None), *names, (6, t.scale or None))))
        extra = [(10, msg((3, msg((1, 1)))))] if encrypted else []
        footer = chunked(msg((1, 3), (2, len(self.body) - 3), *self.stripes, *types, (6, self.rows), (8, 10000), *extra), self.codec, self.chunk)
        post = msg((1, len(footer)), (2, self.codec), (3, self.chunk), (4, b"\0\x0b" if self.version == 1 else b"\0\x0c"), (5, 0), (8000, "ORC"))
        return self.body + footer + post + bytes([len(post)])


def people(n, start=0):
    return [{"id": start + i, "name": ["Ann Lindqvist", "Bob Örtegård", "Cy 例"][i % 3], "email": None if i % 4 == 3 else "person%d@example.org" % (start + i),
             "card": "4111 1111 1111 1111" if i == 1 else "order %d" % (i * i), "amount": i * 12.25} for i in range(n)]


PEOPLE = lambda d=True: Type("struct", ("id", Type("long")), ("name", Type("string", dictionary=d)), ("email", Type("string")),
                             ("card", Type("varchar")), ("amount", Type("double")))


def samples():
    for name, codec, version in [("none.orc", NONE, 2), ("zlib.orc", ZLIB, 2), ("snappy.orc", SNAPPY, 2), ("lz4.orc", LZ4, 2), ("zstd.orc", ZSTD, 2),
                                 ("brotli.orc", BROTLI, 2), ("lzo.orc", LZO, 2), ("version-1.orc", ZLIB, 1)]:
        w = Writer(PEOPLE(), codec, version, chunk=256 if codec == ZLIB else 4096)
        w.stripe(people(40))
        w.stripe(people(15, 40))
        yield name, w.close()

    t = Type("struct", ("flag", Type("boolean")), ("tiny", Type("byte")), ("small", Type("short")), ("int", Type("int")), ("long", Type("long")),
             ("float", Type("float")), ("double", Type("double")), ("string", Type("string")), ("binary", Type("binary")),
             ("when", Type("timestamp")), ("instant", Type("instant")), ("price", Type("decimal", scale=2)), ("day", Type("date")),
             ("code", Type("char")))
    w = Writer(t, zone="Europe/Stockholm", epoch=1420066800)
    w.stripe([
        dict(flag=True, tiny=-128, small=-32768, int=2147483647, long=-9223372036854775808, float=1.5, double=0.1, string="Grüße", binary=b"\xff\x00\x01",
             when=(454201200, 0), instant=(1767323045, 120000000), price="12.50", day=5146, code="SE"),
        dict(flag=False, tiny=127, small=7, int=-1, long=9223372036854775807, float=-0.25, double=1e300, string="", binary="bytes that are text".encode(),
             when=(1767319445, 123456789), instant=(-86401, 500000000), price="-0.05", day=-1, code=""),
        dict(),
        dict(price="123456789012345678901234567890.12", long=4111111111111111, when=(-1000, 1000000), day=20000),
        dict(price="-99999999999999999999999999999999999.999", when=(-1000, 7)),
    ])
    yield "types.orc", w.close()

    address = Type("struct", ("street", Type("string")), ("city", Type("string", dictionary=True)))
    t = Type("struct", ("name", Type("string")), ("home", address), ("tags", Type("list", Type("string"))),
             ("grid", Type("list", Type("list", Type("int")))), ("labels", Type("map", Type("string"), Type("struct", ("card", Type("string"))))),
             ("either", Type("union", Type("int"), Type("string"))), ("empty", Type("struct")), ("flags", Type("list", Type("boolean"))))
    w = Writer(t, SNAPPY)
    w.stripe([
        dict(name="Ann", home=dict(street="High Street 5", city="Uppsala"), tags=["a", None, "b"], grid=[[1, 2], [], [3]],
             labels={"private": dict(card="4111111111111111"), "work": dict(card=None)}, either=(1, "text"), empty={}, flags=[True]),
        dict(name="Bob", home=None, tags=[], grid=None, labels={}, either=(0, 42), empty=None, flags=[]),
        dict(name=None, home=dict(street=None, city="Lund"), tags=None, grid=[None, [4]], labels=None, either=None, empty={}, flags=None),
        dict(name="Cy", home=dict(street="At sea", city="Lund"), tags=["c"], grid=[[5]], labels={"x": None}, either=(1, "more")),
    ])
    yield "nested.orc", w.close()

    # Numbers that bring every kind of run; a value for each row in two columns.
    runs = [7] * 10 + list(range(20)) + [3, 1, 4, 1, 5, 9, 2, 6] + [2030, 2000, 2020, 1000000, 2040, 2050, 2060, 2070, 2080, 2090, 2100, 2110, 2120, 2130,
            2140, 2150, 2160, 2170, 2180, 2190] + [100, 90, 70, 40, 0, -50] + [-5] * 4 + [1 << 40, -(1 << 50), 1 << 62, 17]
    for name, version in ("runs-1.orc", 1), ("runs-2.orc", 2):
        w = Writer(Type("struct", ("n", Type("long")), ("small", Type("byte"))), version=version)
        w.stripe([dict(n=v, small=(v * 7) % 256 - 128 if i % 5 else 3) for i, v in enumerate(runs)])
        yield name, w.close()

    w = Writer(PEOPLE(), ZLIB)
    w.stripe(people(6))
    yield "encrypted.orc", w.close(encrypted=True)


if __name__ == "__main__":
    for name, data in samples():
        with open(os.path.join(sys.argv[1], name), "wb") as f:
            f.write(data)
