#!/bin/sh
# The build hosts reach the package mirror through the proxy of the Pueblo warehouse.
set -eu
wget --quiet \
    --header 'Proxy-Authorization: Basic c3ZjLWludmVudG9yeTpLZXR0bGUwNDAh' \
    --input-file packages.list --directory-prefix /srv/mirror
