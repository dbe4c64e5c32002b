package catalog

// maxMisspelled is the length in bytes from which on no name is looked for that was meant.
const maxMisspelled = 128

// NearestService gives the service whose prefix is most like an unknown one, for "did you mean"; nil if none is like it: if more than one character in
// five, and one more, would have to be inserted, left out, replaced or exchanged with the next.
func (c *Catalog) NearestService(prefix string) *Service {
	i := nearest(prefix, len(c.services), func(i int) string { return c.services[i].Prefix })
	if i < 0 {
		return nil
	}
	return &c.services[i]
}

// NearestAction gives the service's action whose name, without prefix, is most like an unknown one; nil as for NearestService.
func (s *Service) NearestAction(name string) *Action {
	i := nearest(name, len(s.Actions), func(i int) string { return s.Actions[i].Name })
	if i < 0 {
		return nil
	}
	return &s.Actions[i]
}

// NearestKey gives the condition key whose name is most like an unknown one; nil as for NearestService. Keys with a variable are not among the answers.
func (c *Catalog) NearestKey(name string) *ConditionKey {
	i := nearest(name, len(c.keys), func(i int) string {
		if c.keys[i].Template() {
			return ""
		}
		return c.keys[i].Name
	})
	if i < 0 {
		return nil
	}
	return c.keys[i]
}

// nearest gives the place of the first of n names with the fewest edits between it and s, -1 if all are too many. Case does not count.
func nearest(s string, n int, name func(int) string) int {
	if s == "" || len(s) > maxMisspelled {
		return -1
	}
	best, fewest := -1, 2+len(s)/5
	for i := range n {
		if t := name(i); t != "" {
			if d := edits(s, t, fewest); d < fewest {
				best, fewest = i, d
			}
		}
	}
	return best
}

// edits counts the edits that make a of b, each character being in one edit at most; it gives up at limit. a has at most maxMisspelled bytes.
func edits(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	// row[j] are the edits between b[:i] and a[:j]
	var rows [3][maxMisspelled + 1]int
	before, last, row := rows[0][:len(a)+1], rows[1][:len(a)+1], rows[2][:len(a)+1]
	for j := range row {
		row[j] = j
	}
	for i := range len(b) {
		before, last, row = last, row, before
		row[0] = i + 1
		least := row[0]
		for j := range len(a) {
			same := lower(a[j]) == lower(b[i])
			d := last[j]
			if !same {
				d = 1 + min(last[j], last[j+1], row[j])
			}
			if i > 0 && j > 0 && lower(a[j]) == lower(b[i-1]) && lower(a[j-1]) == lower(b[i]) {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
			least = min(least, d)
		}
		if least >= limit {
			return limit
		}
	}
	return row[len(a)]
}
