package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store/storetest"
)

// TestMain makes the test binary the program itself when it is called as magpie, which it is put on the PATH as. So tests start, signal
// and kill the real program.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"magpie": func() {
		throughDatabase = storetest.MayConflict
		main()
	}})
}

// tests runs the tests and stops the database server that they shared.
type tests struct{ m *testing.M }

// Run implements testscript.TestingM.
func (t tests) Run() int { return pgtest.Main(t.m) }
