package pdf

import "slices"

// unicodeFromTrueType is for composite fonts without a map: a glyph's character is looked up in the embedded font, backwards.
func (f *file) unicodeFromTrueType(t *font, descriptor, cid dict) {}

func cffEncoding(b []byte) map[int]string { return nil }

func sortWidths(w []widthRange) {
	slices.SortStableFunc(w, func(a, b widthRange) int { return int(int64(a.lo) - int64(b.lo)) })
}
