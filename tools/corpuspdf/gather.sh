#!/bin/sh
# Gathers PDF documents of many writers in a folder: those in the documentation of Debian packages, and what generate.py writes.
#
#	gather.sh FOLDER
#
# Documents over 4 MB are left out, and of each package no more than forty are taken. What a release of Debian has not is passed over.
set -eu

folder=$1
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder/debian" "$folder/packages"
folder=$(cd "$folder" && pwd)

packages="debian-policy developers-reference maint-guide gawk-doc bash-doc bison-doc zsh-doc gnuplot-doc graphviz-doc octave-doc gsl-doc-pdf
	python-reportlab-doc pari-doc groff swi-prolog-doc latex2rtf-doc a2ps ntp-doc valgrind texlive-latex-base-doc texlive-plain-generic
	texlive-fonts-recommended-doc libgraphicsmagick1-dev tcpdf php-tcpdf libhpdf-dev cups-filters hplip-doc fonts-sil-gentium fonts-sil-charis
	fonts-sil-padauk fonts-sil-scheherazade fonts-sil-ezra fonts-ipafont libtasn1-doc gnutls-doc libidn11-doc gsasl-doc lout-doc lyx-common
	scribus-doc tipa-doc metapost-doc jabref mathpiper cfortran gretl-doc libncarg-dev imagemagick-6-doc nasm fim sane-utils xmltex
	libjs-pdf pstoedit ltp-doc freeradius-doc exim4-doc-pdf doc-base drbd-doc freefem-doc glpk-doc lp-solve-doc libcoin-doc plplot-doc coq-doc-pdf
	ocaml-doc sbcl-doc clisp-doc ecl-doc maxima-doc axiom-doc yorick-doc xfig-doc ipe latexml gmt-doc-pdf netcdf-doc hdf5-doc r-cran-sandwich
	r-cran-zoo r-cran-vegan r-cran-survival r-cran-xtable r-cran-ggplot2 r-cran-mvtnorm r-cran-matrix r-cran-lme4 r-cran-multcomp r-cran-nlme
	r-cran-quantreg r-cran-rcpp r-cran-strucchange r-cran-coin r-cran-party r-bioc-limma r-bioc-edger auctex dblatex noweb funnelweb-doc
	openjade-doc procmail-lib libxmlsec1-doc dx-doc gap-character-tables gap-guava gap-sonata gap-toric gap-alnuth gap-autpgrp gap-factint gap-radiroot
	fonts-junicode fonts-linuxlibertine fonts-gfs-didot cm-super sdcc-doc simulavr tightvncserver gnumeric-doc mricron xmds-doc elmerfem-doc docbook-xsl-doc-pdf siscone-doc-pdf
	why3-doc-pdf live-manual-pdf ubuntu-packaging-guide-pdf auto-multiple-choice-doc-pdf"

cd "$folder/packages"
for p in $packages; do
	ls "$p"_*.deb >/dev/null 2>&1 || apt-get download -q "$p" >/dev/null 2>&1 || continue
	rm -rf x
	dpkg-deb -x "$p"_*.deb x 2>/dev/null || continue
	find x \( -name '*.pdf.gz' -o -name '*.PDF.gz' \) -type f -exec gunzip -f {} + 2>/dev/null || true
	n=0
	find x -name '*.pdf' -type f -size -4096k | sort | while read -r file; do
		n=$((n + 1))
		[ "$n" -le 40 ] || break
		cp "$file" "$folder/debian/$p-$(basename "$file")"
	done
	rm -rf x
done
echo "$(find "$folder/debian" -name '*.pdf' | wc -l) documents from packages"
/usr/bin/python3 "$here/generate.py" "$folder/made"
echo "$(find "$folder/made" -name '*.pdf' | wc -l) made"
