package extract

// Told finds the format of a document by its head as Extract does, "" for none; Asked by asking every format, one after the other.
func Told(e *Extractor, b []byte, whole bool, name string) (format, mime string, score Score) {
	f, mime, score := e.sniff(newHead(b, whole, name))
	if f != nil {
		format = f.Name
	}
	return format, mime, score
}

// Asked is as Told.
func Asked(e *Extractor, b []byte, whole bool, name string) (format, mime string, score Score) {
	h := newHead(b, whole, name)
	mime = unsupported(h)
	if mime != "" {
		return "", mime, No
	}
	mime = h.mediaType()
	for _, f := range e.Formats {
		h := newHead(b, whole, name) // nothing that another format has noted
		if s := f.Match(h); s > score {
			format, mime, score = f.Name, f.MIME, s
		}
	}
	return format, mime, score
}
