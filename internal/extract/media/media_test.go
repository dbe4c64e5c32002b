package media_test

import (
	"testing"

	"github.com/magpie-sec/magpie/internal/extract/extracttest"
	"github.com/magpie-sec/magpie/internal/extract/media"
)

func TestAcceptance(t *testing.T) {
	extracttest.Run(t, media.JPEG, media.PNG, media.GIF, media.TIFF, media.WebP, media.HEIF, media.PSD, media.MP4, media.MP3, media.FLAC, media.Ogg,
		media.WAV, media.AVI, media.AIFF, media.Matroska)
}

func FuzzExtract(f *testing.F) { extracttest.Fuzz(f) }
