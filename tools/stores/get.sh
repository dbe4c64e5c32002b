#!/bin/sh
# Gets the stores that make test-stores runs: Ceph from Debian's packages, unpacked into a folder and not installed, MinIO and its client mc built
# from their sources. They are programs for tests; nothing of them becomes part of Magpie. Usage: get.sh FOLDER
set -eu

minio=v0.0.0-20260212201848-7aac2a2c5b7c
mc=v0.0.0-20250313080218-cf909e1063a9 # the one that MinIO's go.mod names

dir=$1
mkdir -p "$dir/bin"
if [ ! -x "$dir/bin/minio-$minio" ]; then
	source=$(mktemp -d)
	trap 'chmod -R u+w "$source"; rm -rf "$source"' EXIT
	module=$(cd / && go mod download -json "github.com/minio/minio@$minio" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
	cp -r "$module/." "$source" # its go.mod would not let go install build it from outside
	chmod -R u+w "$source"
	(cd "$source" && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$dir/bin/minio-$minio" .)
fi
ln -sf "minio-$minio" "$dir/bin/minio"
if [ ! -x "$dir/bin/mc-$mc" ]; then
	(cd / && CGO_ENABLED=0 GOBIN="$dir/bin" go install -trimpath -ldflags='-s -w' "github.com/minio/mc@$mc")
	mv "$dir/bin/mc" "$dir/bin/mc-$mc"
fi
ln -sf "mc-$mc" "$dir/bin/mc"

if [ ! -e "$dir/ceph/usr/bin/radosgw" ]; then
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "Ceph is taken from Debian's or Ubuntu's packages, and there is no apt-get." >&2
		exit 1
	fi
	rm -rf "$dir/packages" "$dir/unpacked"
	mkdir -p "$dir/packages/partial" "$dir/unpacked"
	apt-get install -q -y --download-only --no-install-recommends -o Debug::NoLocking=1 -o Dir::Cache::archives="$dir/packages" \
		ceph-mon ceph-osd radosgw ceph-common
	for package in "$dir"/packages/*.deb; do
		dpkg -x "$package" "$dir/unpacked"
	done
	rm -rf "$dir/packages" "$dir/ceph"
	mv "$dir/unpacked" "$dir/ceph"
fi
