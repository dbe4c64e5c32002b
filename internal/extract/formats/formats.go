// Package formats lists what we read.
package formats

import (
	"github.com/magpie-sec/magpie/internal/extract"
	"github.com/magpie-sec/magpie/internal/extract/avro"
	"github.com/magpie-sec/magpie/internal/extract/compressed"
	"github.com/magpie-sec/magpie/internal/extract/csv"
	"github.com/magpie-sec/magpie/internal/extract/doc"
	"github.com/magpie-sec/magpie/internal/extract/docx"
	"github.com/magpie-sec/magpie/internal/extract/eml"
	"github.com/magpie-sec/magpie/internal/extract/gzip"
	"github.com/magpie-sec/magpie/internal/extract/html"
	"github.com/magpie-sec/magpie/internal/extract/ini"
	"github.com/magpie-sec/magpie/internal/extract/json"
	"github.com/magpie-sec/magpie/internal/extract/mbox"
	"github.com/magpie-sec/magpie/internal/extract/msg"
	"github.com/magpie-sec/magpie/internal/extract/odf"
	"github.com/magpie-sec/magpie/internal/extract/ole"
	"github.com/magpie-sec/magpie/internal/extract/orc"
	"github.com/magpie-sec/magpie/internal/extract/parquet"
	"github.com/magpie-sec/magpie/internal/extract/pdf"
	"github.com/magpie-sec/magpie/internal/extract/plaintext"
	"github.com/magpie-sec/magpie/internal/extract/ppt"
	"github.com/magpie-sec/magpie/internal/extract/pptx"
	"github.com/magpie-sec/magpie/internal/extract/rtf"
	"github.com/magpie-sec/magpie/internal/extract/sevenzip"
	"github.com/magpie-sec/magpie/internal/extract/sqlite"
	"github.com/magpie-sec/magpie/internal/extract/tar"
	"github.com/magpie-sec/magpie/internal/extract/unixar"
	"github.com/magpie-sec/magpie/internal/extract/xls"
	"github.com/magpie-sec/magpie/internal/extract/xlsx"
	"github.com/magpie-sec/magpie/internal/extract/xml"
	"github.com/magpie-sec/magpie/internal/extract/yaml"
	"github.com/magpie-sec/magpie/internal/extract/zip"
)

// All returns every format, those with a signature first: among equal scores the first wins.
func All() []extract.Format {
	all := []extract.Format{
		parquet.Format,
		avro.Format,
		orc.Format,
		sqlite.Format,
		gzip.Format,
		compressed.Bzip2,
		compressed.Zstd,
		compressed.XZ,
		compressed.LZ4,
		compressed.Snappy,
		compressed.Lzip,
		compressed.LZMA,
		compressed.Compress,
		compressed.SnappyBlocks,
		sevenzip.Format,
		xlsx.Format,
		docx.Format,
		pptx.Format,
		odf.Text,
		odf.Spreadsheet,
		odf.Presentation,
		odf.Drawing,
		zip.Format,
		tar.Format,
		unixar.AR,
		unixar.CPIO,
		unixar.RPM,
		pdf.Format,
		rtf.Format,
		mbox.Format,
		eml.Format,
		json.Lines,
		json.Format,
		csv.Format,
		csv.TSV,
		html.Format,
		xml.Format,
		yaml.Format,
		ini.Format,
		ini.TOML,
		plaintext.Format,
	}
	return append(ole.Formats(xls.Format, doc.Format, ppt.Format, msg.Format), all...)
}
