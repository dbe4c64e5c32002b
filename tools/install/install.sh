#!/bin/sh
# Installs what the tests start as real programs, where it is absent: PostgreSQL's server, Node.js with npm, the AWS CLI.
set -eu

missing=""
need() { # need PACKAGES TEST-COMMAND...
	packages=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $packages"
}

have_postgres() { command -v initdb || ls /usr/lib/postgresql/*/bin/initdb; }

need postgresql have_postgres
need "nodejs npm" sh -c 'command -v node && command -v npm'
need awscli command -v aws

[ -z "$missing" ] && exit 0

as_root=""
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null 2>&1; then
		echo "The tests need these packages; install them as root, then run make test again:$missing" >&2
		exit 1
	fi
	as_root=sudo
fi
if command -v apt-get >/dev/null 2>&1; then
	$as_root apt-get update -q
	# shellcheck disable=SC2086
	DEBIAN_FRONTEND=noninteractive $as_root apt-get install -q -y --no-install-recommends $missing
else
	echo "The tests need these programs; install them with your package manager, then run make test again:$missing" >&2
	exit 1
fi
