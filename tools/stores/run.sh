#!/bin/sh
# Runs a store of get.sh on the loopback interface until standard input ends, with all that it keeps in a folder that must be empty. A line "kill"
# kills what answers requests, at once; "start" starts it again. Usage: run.sh minio|ceph STORES FOLDER PORT [PORT of Ceph's monitor]
set -eu

kind=$1 stores=$2 dir=$3 port=$4
owner=magpieowner secret=magpieownersecret # as internal/source/s3/s3test/server.go has them

case $kind in
minio)
	export MINIO_ROOT_USER=$owner MINIO_ROOT_PASSWORD=$secret MINIO_BROWSER=off
	export MINIO_KMS_SECRET_KEY="results:$(head -c 32 /dev/zero | base64)"
	serve() {
		"$stores/bin/minio" server --quiet --address "127.0.0.1:$port" "$dir/data" >>"$dir/log" 2>&1 &
		server=$!
	}
	others=""
	;;
ceph)
	root=$stores/ceph
	libraries=$root/usr/lib/$(uname -m)-linux-gnu
	export LD_LIBRARY_PATH="$libraries:$libraries/ceph:$root/lib/$(uname -m)-linux-gnu"
	export PATH="$root/usr/bin:$PATH" PYTHONPATH="$root/usr/lib/python3/dist-packages" CEPH_CONF="$dir/ceph.conf"
	fsid=3f1f6a0e-0000-4000-8000-000000000001
	osd=3f1f6a0e-0000-4000-8000-000000000002
	mkdir "$dir/mon" "$dir/osd" "$dir/rgw"
	cat >"$dir/ceph.conf" <<-END
		[global]
		fsid = $fsid
		mon host = v1:127.0.0.1:$5/0
		ms bind msgr2 = false
		public addr = 127.0.0.1
		cluster addr = 127.0.0.1
		auth allow insecure global id reclaim = false
		mon allow pool size one = true
		mon warn on pool no redundancy = false
		mon max pg per osd = 1000
		mon data avail crit = 1
		osd pool default size = 1
		osd pool default min size = 1
		osd pool default pg num = 1
		osd pool default pgp num = 1
		osd pool default pg autoscale mode = off
		osd crush chooseleaf type = 0
		osd objectstore = memstore
		memstore device bytes = 2147483648
		osd class dir = $libraries/rados-classes
		osd class load list = *
		osd class default list = *
		plugin dir = $libraries/ceph
		erasure code dir = $libraries/ceph/erasure-code
		mon data = $dir/mon
		osd data = $dir/osd
		run dir = $dir
		admin socket =
		pid file =
		crash dir = $dir
		keyring = $dir/keyring
		log file = $dir/\$name.log
		mon cluster log file = $dir/cluster.log
		[client.rgw]
		rgw frontends = beast endpoint=127.0.0.1:$port
		rgw data = $dir/rgw
		rgw crypt require ssl = false
	END
	monmaptool --create --fsid "$fsid" --addv a "[v1:127.0.0.1:$5/0]" "$dir/monmap"
	ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
	ceph-authtool "$dir/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *'
	ceph-authtool "$dir/keyring" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *'
	ceph-authtool "$dir/keyring" --gen-key -n client.rgw --cap mon 'allow rw' --cap osd 'allow rwx'
	ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
	ceph-mon -f -i a >>"$dir/log" 2>&1 &
	others=$!
	trap 'kill $others 2>/dev/null || true' EXIT
	admin() { timeout 60 /usr/bin/python3 "$root/usr/bin/ceph" "$@"; }
	admin osd new "$osd"
	admin auth import -i "$dir/keyring"
	admin osd crush add osd.0 1.0 root=default host=one
	ceph-osd -i 0 --mkfs --osd-uuid "$osd"
	ceph-osd -f -i 0 >>"$dir/log" 2>&1 &
	others="$others $!"
	timeout 120 radosgw-admin -n client.rgw user create --uid="$owner" --display-name=Owner --access-key="$owner" --secret="$secret" --caps='users=*'
	serve() {
		radosgw -f -n client.rgw >>"$dir/log" 2>&1 &
		server=$!
	}
	;;
*)
	echo "no store is called $kind" >&2
	exit 1
	;;
esac
serve
trap 'kill -9 $server $others 2>/dev/null || true' EXIT
while read -r line; do
	case $line in
	kill) kill -9 "$server" && wait "$server" || true ;;
	start) serve ;;
	esac
done
