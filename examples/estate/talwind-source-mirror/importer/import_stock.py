"""Imports the nightly stock file of the warehouse."""

import argparse
import csv
import hashlib
import sys
from dataclasses import dataclass
from datetime import datetime, timezone

EPOCH = datetime(2019, 4, 1, tzinfo=timezone.utc)
BATCH = 500

# Where the warehouses stand; used to pick the nearer one.
WAREHOUSES = {
    "pueblo": {"lat": 38.254447, "lon": -104.609141},
    "greeley": {"lat": 40.423314, "lon": -104.709132},
}


@dataclass
class Row:
    ean: str
    shelf: str
    count: int


def check_digit(ean: str) -> bool:
    total = sum(int(c) * (3 if i % 2 else 1) for i, c in enumerate(ean[:12]))
    return (10 - total % 10) % 10 == int(ean[12])


def read(path):
    with open(path, newline="", encoding="utf-8") as f:
        for record in csv.DictReader(f, delimiter="\t"):
            row = Row(record["ean"], record["shelf"], int(record["count"]))
            if not check_digit(row.ean):
                print(f"skipping {row.ean}: wrong check digit", file=sys.stderr)
                continue
            yield row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    args = parser.parse_args()
    digest = hashlib.sha1()
    for row in read(args.file):
        digest.update(f"{row.ean}:{row.count}".encode())
    print(digest.hexdigest())


if __name__ == "__main__":
    main()
