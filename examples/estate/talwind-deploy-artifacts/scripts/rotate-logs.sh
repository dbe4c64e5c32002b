#!/bin/sh
set -eu
cd /var/log/webshop
for f in *.log; do
    gzip -9 "$f"
done
find . -name '*.log.gz' -mtime +400 -delete
