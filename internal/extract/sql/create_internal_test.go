package sql

import (
	"strings"
	"testing"
)

func TestParseCreate(t *testing.T) {
	for _, c := range []struct{ statement, name, columns, key string }{
		{"CREATE TABLE a (b, c)", "a", "b c", ""},
		{"create table if not exists main.\"a b\"(\"c\"\"d\" TEXT, [e f] INT, `g` x, 'h' y)", "a b", `c"d|e f|g|h`, ""},
		{"CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, price DECIMAL(10,2) DEFAULT (1+(2)), kind TEXT CHECK (kind IN ('a,b', 'c)')), CONSTRAINT x FOREIGN KEY (kind) REFERENCES k(a, b))", "t", "id price kind", "id"},
		{"CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT COMMENT 'the, key',\n  `key` varchar(5) DEFAULT NULL,\n  PRIMARY KEY (`id`,`key`(3)),\n  UNIQUE KEY `k` (`key`),\n  KEY `k2` (`id`)\n) ENGINE=InnoDB", "t", "id key", "id key"},
		{"CREATE TABLE t (key TEXT, index INT, value TEXT, KEY idx (value), INDEX (value))", "t", "key index value", ""},
		{"CREATE UNLOGGED TABLE public.people (\n    id bigint NOT NULL, -- a, remark\n    tags text[] DEFAULT '{}'::text[], /* b */\n    CONSTRAINT p CHECK ((id > 0))\n);", "people", "id tags", ""},
		{"CREATE TABLE [dbo].[People](\n\t[Id] [int] IDENTITY(1,1) NOT NULL,\n\t[Name] [nvarchar](50) NULL,\n CONSTRAINT [PK] PRIMARY KEY CLUSTERED ([Id] ASC) WITH (PAD_INDEX = OFF) ON [PRIMARY]\n)", "People", "Id Name", "Id"},
		{"CREATE GLOBAL TEMPORARY TABLE \"HR\".\"EMP\" (\"ID\" NUMBER(6,0), \"NAME\" VARCHAR2(20 BYTE))", "EMP", "ID NAME", ""},
	} {
		got, ok := ParseCreate(c.statement)
		sep := " "
		if strings.Contains(c.columns, "|") {
			sep = "|"
		}
		var names []string
		for _, col := range got.Columns {
			names = append(names, col.Name)
		}
		if !ok || got.Name != c.name || strings.Join(names, sep) != c.columns || strings.Join(got.Key, " ") != c.key {
			t.Errorf("%s: %v %+v", c.statement, ok, got)
		}
	}
	for _, s := range []string{"", "CREATE", "CREATE TABLE", "CREATE TABLE a", "CREATE TABLE a (", "CREATE INDEX i ON a(b)", "CREATE TABLE a AS SELECT 1", "SELECT 1", "CREATE TABLE a (PRIMARY", "CREATE TABLE a (KEY"} {
		if got, ok := ParseCreate(s); ok && len(got.Columns) != 1 {
			t.Errorf("%s: %+v", s, got)
		}
	}
	got, _ := ParseCreate("CREATE TABLE t (a INTEGER, b INT, c INTEGER(3), d UNSIGNED INTEGER, e AS (a+1), f INT GENERATED ALWAYS AS (1) STORED, g \"INTEGER\" PRIMARY KEY DESC, h INTEGER NOT NULL) WITHOUT ROWID, STRICT")
	var flags string
	for _, c := range got.Columns {
		for _, f := range []bool{c.Integer, c.Virtual, c.Descending} {
			if f {
				flags += "1"
			} else {
				flags += "0"
			}
		}
		flags += " "
	}
	if want := "100 000 000 000 010 000 101 100 "; flags != want || !got.WithoutRowid {
		t.Errorf("%s, want %s; %+v", flags, want, got)
	}
}
