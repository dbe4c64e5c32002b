#!/bin/sh
# Pulls the stock levels from the ERP every ten minutes and warms the map tiles of the store finder.
set -eu

out=/var/lib/webshop/stock.json
curl --fail --silent --header "Authorization: Basic c3ZjLWludmVudG9yeTpDcmFua3NldDc0Mz8=" \
    https://erp.internal.talwind.example/stock/v2/levels > "$out.new"
mv "$out.new" "$out"

curl --fail --silent --header "X-goog-api-key: AIzabhyCTYK4XEMkNoEYh_jDM-7ALa2QhTV_ltw" \
    "https://maps.example/v1/tiles?region=us-co" > /dev/null

echo "stock: $(wc -c < "$out") bytes"
