package cart

import "testing"

func TestTotal(t *testing.T) {
	var b Basket
	for _, it := range []Item{{"4013368274910", 2, 1999}, {"8711234567894", 1, 129900}} {
		if err := b.Add(it); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := b.Total(), int64(133898); got != want {
		t.Errorf("Total() = %d, want %d", got, want)
	}
}
