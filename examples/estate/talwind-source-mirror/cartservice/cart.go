// Package cart keeps the baskets of the webshop.
package cart

import (
	"errors"
	"fmt"
	"sync"
)

// ErrGone is returned for a basket that has expired.
var ErrGone = errors.New("basket is gone")

// An Item is one line of a basket. Price is in cents.
type Item struct {
	Article string // EAN-13, such as 4013368274910 or 8711234567894
	Count   int
	Price   int64
}

// A Basket is safe for concurrent use.
type Basket struct {
	mu    sync.Mutex
	items map[string]Item
}

// Add puts an article into the basket, or more of it.
func (b *Basket) Add(it Item) error {
	if it.Count <= 0 {
		return fmt.Errorf("count of %s is %d", it.Article, it.Count)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.items == nil {
		b.items = map[string]Item{}
	}
	old := b.items[it.Article]
	it.Count += old.Count
	b.items[it.Article] = it
	return nil
}

// Total returns the sum in cents.
func (b *Basket) Total() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sum int64
	for _, it := range b.items {
		sum += int64(it.Count) * it.Price
	}
	return sum
}
