#!/bin/sh
# Installs what the tests start as real programs, where it is absent: PostgreSQL's server, Node.js with npm, the AWS CLI, the Z3 solver. With
# the argument hyperscan, what bench-detect compares with, and what makes its data; with pdf, what corpus-pdf compares with and makes documents
# with. With terraform, says "required", or the folder of the mirror that it is in, if Terraform and its AWS provider are at hand, which nothing here
# can install, and else on standard error what is not tested for want of them.
set -eu

updated=""
install() { # install PACKAGE
	if [ "$(id -u)" = 0 ]; then
		as_root=""
	elif command -v sudo >/dev/null 2>&1; then
		as_root=sudo
	else
		echo "The tests need the package $1: install it as root, then run make test again." >&2
		exit 1
	fi
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "The tests need what Debian calls $1: install it with your package manager, then run make test again." >&2
		exit 1
	fi
	[ -n "$updated" ] || $as_root apt-get update -q
	updated=yes
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$1"
}

if [ "${1:-}" = hyperscan ]; then
	[ -e /usr/include/hs/hs.h ] || install libhyperscan-dev
	command -v cc >/dev/null 2>&1 || install gcc
	command -v python3 >/dev/null 2>&1 || install python3
	exit 0
fi
if [ "${1:-}" = pdf ]; then
	command -v pdftotext >/dev/null 2>&1 || install poppler-utils
	command -v qpdf >/dev/null 2>&1 || install qpdf
	command -v gs >/dev/null 2>&1 || install ghostscript
	command -v groff >/dev/null 2>&1 || install groff
	command -v soffice >/dev/null 2>&1 || install libreoffice-writer-nogui
	command -v chromium >/dev/null 2>&1 || install chromium
	command -v wkhtmltopdf >/dev/null 2>&1 || install wkhtmltopdf
	/usr/bin/python3 -c 'import reportlab' 2>/dev/null || install python3-reportlab
	/usr/bin/python3 -c 'import cairo' 2>/dev/null || install python3-cairo
	exit 0
fi
if [ "${1:-}" = terraform ]; then
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	cp examples/terraform/*.tf "$dir"
	# As TestTerraform asks: a proxy that is none keeps Terraform to the mirrors of this machine.
	begin() { HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY="" CHECKPOINT_DISABLE=1 terraform -chdir="$dir" init -input=false "$@" >/dev/null 2>&1; }
	if begin; then
		echo required
		exit 0
	fi
	for mirror in /opt/*/registry.terraform.io; do
		if [ -d "$mirror/hashicorp/aws" ] && begin -plugin-dir="${mirror%/*}"; then
			echo "${mirror%/*}"
			exit 0
		fi
	done
	echo "NOT TESTED: Terraform. It needs terraform on the PATH and the provider hashicorp/aws in a mirror of this machine, such as" >&2
	echo "~/.terraform.d/plugins, a folder of /opt or what the file in TF_CLI_CONFIG_FILE names; TestTerraform of cmd/magpie is left out." >&2
	exit 0
fi
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || install postgresql
command -v node >/dev/null 2>&1 || install nodejs
command -v npm >/dev/null 2>&1 || install npm # some packages of Node.js bring it along
command -v aws >/dev/null 2>&1 || install awscli
command -v z3 >/dev/null 2>&1 || install z3
