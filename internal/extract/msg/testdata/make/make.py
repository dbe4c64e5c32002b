"""Writes the samples of this folder: messages as Outlook saves them (MS-OXMSG), in compound files (MS-CFB).

It shares nothing with the reader: it was written from the specifications. Run it in the folder above.
"""
import struct
import zlib

FREE, END, FATSECT, NOSTREAM = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def compound(root):
    """Returns a compound file of version 3 from a tree of dicts (storages) and bytes (streams)."""
    entries = []  # name, type, [left, right, child], content

    def add(name, node):
        index = len(entries)
        entries.append([name, 1 if isinstance(node, dict) else 2, [NOSTREAM] * 3, node if isinstance(node, bytes) else b""])
        if isinstance(node, dict):
            children = sorted((len(k), k.upper(), k) for k in node)
            ids = [add(k, node[k]) for _, _, k in children]

            def tree(lo, hi):
                if lo >= hi:
                    return NOSTREAM
                mid = (lo + hi) // 2
                entries[ids[mid]][2][0] = tree(lo, mid)
                entries[ids[mid]][2][1] = tree(mid + 1, hi)
                return ids[mid]

            entries[index][2][2] = tree(0, len(ids))
        return index

    add("Root Entry", root)
    entries[0][1] = 5
    sectors, fat = [], []

    def chain(data):
        if not data:
            return END
        start = len(sectors)
        for i in range(0, len(data), 512):
            sectors.append(data[i:i + 512].ljust(512, b"\0"))
            fat.append(len(sectors))
        fat[-1] = END
        return start

    mini, minifat, starts = b"", [], []
    for name, kind, links, data in entries:
        if kind != 2 or not data:
            starts.append(END)
        elif len(data) < 4096:
            first = len(minifat)
            starts.append(first)
            count = (len(data) + 63) // 64
            minifat += list(range(first + 1, first + count)) + [END]
            mini += data.ljust(count * 64, b"\0")
        else:
            starts.append(chain(data))
    starts[0] = chain(mini)
    minifat_start = chain(b"".join(struct.pack("<I", x) for x in minifat).ljust((len(minifat) * 4 + 511) // 512 * 512, b"\xff"))
    directory = b""
    for i, (name, kind, links, data) in enumerate(entries):
        raw = name.encode("utf-16le")
        size = len(mini) if i == 0 else len(data)
        directory += raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw) + 2, kind, 1) + struct.pack("<III", *links)
        directory += bytes(36) + struct.pack("<IQ", starts[i] if kind != 1 else 0, size)
    while len(directory) % 512:
        directory += bytes(64) + struct.pack("<HBB", 0, 0, 0) + struct.pack("<III", NOSTREAM, NOSTREAM, NOSTREAM) + bytes(48)
    dir_start = chain(directory)
    count = 1
    while (len(sectors) + count + 127) // 128 > count:
        count += 1
    fat_start = len(sectors)
    fat += [FATSECT] * count
    fat += [FREE] * (count * 128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, count, dir_start, 0, 4096, minifat_start, (len(minifat) * 4 + 511) // 512, END, 0)
    header += b"".join(struct.pack("<I", fat_start + i if i < count else FREE) for i in range(109))
    return header + b"".join(sectors) + b"".join(struct.pack("<I", x) for x in fat)


def properties(header, props, page="utf-16le"):
    """Returns the streams of properties: {(id, type): value}."""
    node, fixed = {}, b""
    for (pid, kind), value in props.items():
        name = "__substg1.0_%04X%04X" % (pid, kind)
        if kind == 0x3:
            fixed += struct.pack("<HHIII", kind, pid, 6, value, 0)
            continue
        if kind == 0x40:
            fixed += struct.pack("<HHIQ", kind, pid, 6, value)
            continue
        if kind == 0x1F:
            data = value.encode("utf-16le")
        elif kind == 0x1E:
            data = value.encode(page)
        elif kind == 0x101F:
            parts = [(v + "\0").encode("utf-16le") for v in value]
            for i, part in enumerate(parts):
                node["%s-%08X" % (name, i)] = part
            data = b"".join(struct.pack("<I", len(part)) for part in parts)
        else:
            data = value
        node[name] = data
        size = 0xFFFFFFFF if isinstance(data, dict) else len(data) + {0x1F: 2, 0x1E: 1}.get(kind, 0)
        fixed += struct.pack("<HHIII", kind, pid, 6, size, 1 if isinstance(data, dict) else 0)
    node["__properties_version1.0"] = header + fixed
    return node


def message(props, recipients=(), attachments=(), named=(), top=True, page="utf-16le"):
    counts = struct.pack("<8xIIII", len(recipients), len(attachments), len(recipients), len(attachments))
    node = properties(counts + bytes(8 if top else 0), props, page)
    for i, r in enumerate(recipients):
        node["__recip_version1.0_#%08X" % i] = properties(bytes(8), r, page)
    for i, a in enumerate(attachments):
        node["__attach_version1.0_#%08X" % i] = properties(bytes(8), a, page)
    if top:
        entries = strings = b""
        for i, name in enumerate(named):
            raw = name.encode("utf-16le")
            entries += struct.pack("<IHH", len(strings), 5 << 1 | 1, i)
            strings += struct.pack("<I", len(raw)) + raw
            strings += bytes(-len(strings) % 4)
        node["__nameid_version1.0"] = {"__substg1.0_00020102": bytes(16), "__substg1.0_00030102": entries, "__substg1.0_00040102": strings}
    return node


def filetime(seconds):
    return (seconds + 11644473600) * 10000000


DICTIONARY = (b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial"
              b"Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx")


def compressed(rtf):
    """Compresses RTF (MS-OXRTFCP), looking for repetitions in what was written."""
    seen = DICTIONARY + rtf
    at, tokens = len(DICTIONARY), []
    while at < len(seen):
        best, where = 0, 0
        for n in range(min(17, len(seen) - at), 1, -1):
            k = seen.rfind(seen[at:at + n], max(0, at - 4000), at)
            if k >= 0 and k + n <= at:
                best, where = n, k
                break
        if best >= 2:
            tokens.append(struct.pack(">H", (where % 4096) << 4 | best - 2))
            at += best
        else:
            tokens.append(seen[at:at + 1])
            at += 1
    tokens.append(struct.pack(">H", (at % 4096) << 4))
    out = b""
    for i in range(0, len(tokens), 8):
        group = tokens[i:i + 8]
        out += bytes([sum(1 << k for k, t in enumerate(group) if len(t) == 2)]) + b"".join(group)
    crc = 0xFFFFFFFF & ~zlib.crc32(out, 0xFFFFFFFF)
    return struct.pack("<II", len(out) + 12, len(rtf)) + b"LZFu" + struct.pack("<I", crc) + out


def main():
    inner = message({
        (0x001A, 0x1F): "IPM.Note", (0x0037, 0x1F): "Attached message", (0x0C1A, 0x1F): "Bob Okafor", (0x1000, 0x1F): "The PIN is 1234.\r\n",
        (0x8000, 0x1F): "C-77",
    }, attachments=[{(0x3707, 0x1F): "inner.txt", (0x3701, 0x102): b"inside: 5425233430109903\n", (0x3705, 3): 1}], top=False)
    mail = message({
        (0x001A, 0x1F): "IPM.Note", (0x0037, 0x1F): "Größe of the payroll \u65e5\u672c", (0x0070, 0x1F): "Größe of the payroll \u65e5\u672c",
        (0x0C1A, 0x1F): "Ann Lindqvist", (0x0C1F, 0x1F): "ann@example.org", (0x0C1E, 0x1F): "SMTP", (0x0E04, 0x1F): "Bob Okafor",
        (0x0039, 0x40): filetime(1767323045), (0x007D, 0x1F): "Received: from mail.example.org\r\nFrom: Ann Lindqvist <ann@example.org>\r\nX-Case: 17\r\n",
        (0x1000, 0x1F): "Hello Bob,\r\n\r\nthe card number is 4532015112830366.\r\n\r\nAnn\r\n",
        (0x1013, 0x102): b"<html><body>the card number is 4532015112830366</body></html>", (0x3FDE, 3): 65001, (0x8000, 0x1F): "C-42",
        (0x8001, 0x101F): ["Red category", "Staff"],
    }, recipients=[
        {(0x3001, 0x1F): "Bob Okafor", (0x39FE, 0x1F): "bob@example.org", (0x0C15, 3): 1},
        {(0x3001, 0x1F): "carol@example.org", (0x3003, 0x1F): "carol@example.org", (0x0C15, 3): 2},
    ], attachments=[
        {(0x3707, 0x1F): "cards of May.csv", (0x3704, 0x1F): "CARDSO~1.CSV", (0x3701, 0x102): b"name,card\nBob,374245455400126\n", (0x3705, 3): 1},
        {(0x3001, 0x1F): "Attached message", (0x3701, 0x0D): inner, (0x3705, 3): 5},
    ], named=["X-Customer", "Keywords"])
    html = message({
        (0x001A, 0x1E): "IPM.Note", (0x0037, 0x1E): "Зарплата", (0x0C1A, 0x1E): "Анна", (0x3FFD, 3): 1251, (0x3FDE, 3): 1251,
        (0x1013, 0x102): ("<html><head><meta charset=windows-1251></head><body><p>Номер карты: <b>4532015112830366</b></p></body></html>").encode("cp1251"),
    }, page="cp1251")
    rtf = message({
        (0x001A, 0x1F): "IPM.Note", (0x0037, 0x1F): "Rich",
        (0x1009, 0x102): compressed(b"{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fswiss Arial;}}\r\n\\pard\\plain\\f0\\fs20 SSN: 219-09-9999\\par\r\n"
                                    + b"Card number 4532015112830366, again 4532015112830366\\par}\r\n"),
    })
    contact = message({
        (0x001A, 0x1F): "IPM.Contact", (0x0037, 0x1F): "Bob Okafor", (0x3A06, 0x1F): "Bob", (0x3A11, 0x1F): "Okafor", (0x3A08, 0x1F): "+1 202 555 0143",
        (0x3A07, 0x1F): "219-09-9999", (0x3A29, 0x1F): "12 High Street", (0x3A42, 0x40): filetime(444614400), (0x8000, 0x1F): "DE89370400440532013000",
        (0x1000, 0x1F): "x" * 5000 + " end of a long body",
    }, named=["Bank account"])
    for name, node in (("mail.msg", mail), ("html.msg", html), ("rtf.msg", rtf), ("contact.msg", contact)):
        with open(name, "wb") as f:
            f.write(compound(node))


if __name__ == "__main__":
    main()
