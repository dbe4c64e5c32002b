"""Takes the picture out of the properties of presentations that LibreOffice wrote, which makes 450 KB of them, and writes them anew as small files.

    python3 small.py from.ppt to.ppt
"""
import os
import struct
import sys

import olefile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../msg/testdata/make"))
from make import compound  # noqa: E402


def without_picture(data):
    at = struct.unpack_from("<I", data, 44)[0]
    size, count = struct.unpack_from("<II", data, at)
    entries = sorted(struct.unpack_from("<II", data, at + 8 + 8 * i)[::-1] for i in range(count))
    ends = [offset for offset, _ in entries[1:]] + [size]
    kept = [(pid, data[at + offset:at + end]) for (offset, pid), end in zip(entries, ends) if pid != 17]
    head, body = b"", b""
    for pid, value in kept:
        head += struct.pack("<II", pid, 8 + 8 * len(kept) + len(body))
        body += value
    return data[:at] + struct.pack("<II", 8 + len(head) + len(body), len(kept)) + head + body


source = olefile.OleFileIO(sys.argv[1])
streams = {path[0]: source.openstream(path).read() for path in source.listdir()}
streams["\x05SummaryInformation"] = without_picture(streams["\x05SummaryInformation"])
with open(sys.argv[2], "wb") as f:
    f.write(compound(streams))
