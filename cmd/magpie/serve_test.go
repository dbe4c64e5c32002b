package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/macie2"
	"github.com/aws/aws-sdk-go-v2/service/macie2/types"

	"github.com/magpie-sec/magpie/internal/api"
	"github.com/magpie-sec/magpie/internal/pgtest"
	"github.com/magpie-sec/magpie/internal/store"
)

// writeTree writes files below a folder.
func writeTree(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// works says whether a client's signature is accepted.
func works(c *macie2.Client) error {
	_, err := c.ListClassificationJobs(context.Background(), &macie2.ListClassificationJobsInput{})
	if isA[*types.AccessDeniedException](err) { // Macie is not enabled: the signature was right
		return nil
	}
	return err
}

func TestServeFirstStart(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, filepath.Join(dir, "data"))
	for _, name := range []string{"credentials", "config", "key", "magpie.db", "audit.jsonl"} {
		info, err := os.Stat(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", name, info.Mode().Perm())
		}
	}
	key, err := readCredential(filepath.Join(s.dir, "credentials"))
	if err != nil {
		t.Fatal(err)
	}
	profile := readFile(t, filepath.Join(s.dir, "config"))
	want := "[profile magpie]\nregion = us-east-1\nservices = magpie\n\n[services magpie]\n"
	for _, service := range []string{"macie2", "accessanalyzer", "sts"} {
		want += fmt.Sprintf("%s =\n  endpoint_url = %s\n", service, s.endpoint)
	}
	if _, got, _ := strings.Cut(profile, "\n"); got != want {
		t.Errorf("profile:\n%s\nwant:\n%s", got, want)
	}
	if err := works(s.client()); err != nil {
		t.Error(err)
	}
	s.stop()
	said := s.said()
	for _, hint := range []string{"credentials", "--endpoint-url " + s.endpoint, "1.29.0, 2.13.0"} {
		if !strings.Contains(said, hint) {
			t.Errorf("the first start does not say %q", hint)
		}
	}
	if strings.Contains(said, key.secret) || strings.Contains(said, "AWS_ENDPOINT_URL") {
		t.Errorf("the first start says too much:\n%s", said)
	}

	// The key stays, whatever happened to the database.
	second := serve(t, s.dir)
	if again, err := readCredential(filepath.Join(s.dir, "credentials")); err != nil || again != key {
		t.Errorf("the second start changed the credentials: %v", err)
	}
	if !strings.Contains(readFile(t, filepath.Join(s.dir, "config")), second.endpoint) {
		t.Error("the profile names the address of an earlier start")
	}
	if err := works(second.client()); err != nil {
		t.Error(err)
	}
	second.stop()
	for _, name := range []string{"magpie.db", "magpie.db-wal", "magpie.db-shm"} {
		os.Remove(filepath.Join(s.dir, name))
	}
	third := serve(t, s.dir)
	if err := works(third.client()); err != nil {
		t.Errorf("after the loss of the database: %v", err)
	}
}

func TestServeOps(t *testing.T) {
	s := serve(t, filepath.Join(t.TempDir(), "data"))
	enable(t, s.client())
	for path, want := range map[string]string{"/healthz": "alive\n", "/readyz": "ready\n"} {
		if status, text := get(t, s.ops+path); status != 200 || text != want {
			t.Errorf("%s: %d %q, want 200 %q", path, status, text, want)
		}
	}
	_, metrics := get(t, s.ops+"/metrics")
	for _, name := range []string{
		`magpie_api_requests_total{operation="EnableMacie",service="macie2",status="200"} 1`, "magpie_job_shard_events_total{event=\"claimed\"} 0",
		"magpie_audit_failures_total 0", "process_resident_memory_bytes ", "go_goroutines ",
	} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
	if status, _ := get(t, s.endpoint+"/metrics"); status == 200 {
		t.Error("the API port shows metrics")
	}
	if _, err := clientOf(s.endpoint, credential{"MAGPIENOSUCHKEY00000", "secretsecretsecret"}).GetMacieSession(t.Context(), nil); err == nil {
		t.Error("an unknown key works")
	}
	s.stop()

	var record api.AuditRecord
	lines := strings.Split(strings.TrimSpace(readFile(t, filepath.Join(s.dir, "audit.jsonl"))), "\n")
	if len(lines) != 1 || json.Unmarshal([]byte(lines[0]), &record) != nil || record.EventName != "EnableMacie" ||
		record.UserIdentity.AccountID != defaultAccount || record.RequestID == "" {
		t.Errorf("audit log: %q, want one record of EnableMacie", lines)
	}
	if _, _, err := tryGet(s.ops + "/healthz"); err == nil {
		t.Error("the ops port answers after the end")
	}
}

func TestServeRootKeyFromEnvironment(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	given := credential{"MAGPIEROOTKEY0000001", "a-secret-of-some-length"}
	env := func(c credential) []string {
		return []string{rootKeyIDVariable + "=" + c.id, rootSecretVariable + "=" + c.secret}
	}
	s := serveWith(t, env(given), data)
	if err := works(clientOf(s.endpoint, given)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(data, "credentials")); err == nil {
		t.Error("a key was made although one was given")
	}
	s.stop()

	// Another secret takes the place of the first.
	changed := credential{given.id, "another-secret-of-some-length"}
	s = serveWith(t, env(changed), data)
	if err := works(clientOf(s.endpoint, changed)); err != nil {
		t.Error(err)
	}
	if err := works(clientOf(s.endpoint, given)); err == nil {
		t.Error("the old secret still works")
	}
	if said := s.said(); strings.Contains(said, "secret-of-some") {
		t.Errorf("the secret is shown:\n%s", said)
	}
}

func TestServeRefusesToStart(t *testing.T) {
	dir := t.TempDir()
	running := serve(t, filepath.Join(dir, "data"))
	address := strings.TrimPrefix(running.endpoint, "http://")
	serveArgs := func(data string, args ...string) *exec.Cmd {
		return command(dir, nil, append(append([]string{"serve", "--data", data}, anyPort...), args...)...)
	}
	check := func(what string, cmd *exec.Cmd, want ...string) {
		t.Helper()
		said := fails(t, cmd)
		if strings.Count(said, "\n") != 0 || !strings.HasPrefix(said, "magpie: ") {
			t.Errorf("%s: more than one line:\n%s", what, said)
		}
		for _, w := range want {
			if !strings.Contains(said, w) {
				t.Errorf("%s: %q does not say %q", what, said, w)
			}
		}
	}
	check("a data folder in use", serveArgs(running.dir), "another server uses the data folder "+running.dir, "--data")
	check("a port in use", command(dir, nil, "serve", "--data", "other", "--listen", address, "--ops", "127.0.0.1:0"),
		"--listen "+address+": another program listens there", "choose another port")
	check("another master key", command(dir, []string{masterKeyVariable + "=" + strings.Repeat("5a", 32)},
		append([]string{"serve", "--data", filepath.Join(dir, "moved"), "--database", copyDatabase(t, running, filepath.Join(dir, "moved"))}, anyPort...)...),
		"sealed with another key than that of "+masterKeyVariable, "DATA/key")
	newer := filepath.Join(dir, "newer")
	check("a newer database", serveArgs(newer, "--database", copyDatabase(t, running, newer, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")),
		"has version 9999", "upgrade the program")

	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	cmd := serveArgs(filepath.Join(locked, "data"))
	unprivileged(t, cmd, dir)
	check("a folder without permission", cmd, "data folder: ", "permission denied", "--data")
}

// copyDatabase copies a server's SQLite database to a folder and runs statements on the copy.
func copyDatabase(t *testing.T, s *serving, dir string, statements ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "copy.db")
	from, err := openDatabase(t.Context(), filepath.Join(s.dir, databaseFile), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	// VACUUM INTO cannot run in a transaction, and the store gives nothing else.
	// Nobody writes, or moves the log into the file, while a transaction holds the only place of a writer.
	err = from.Update(t.Context(), func(store.Tx) error {
		for _, name := range []string{"", "-wal"} {
			text, err := os.ReadFile(filepath.Join(s.dir, databaseFile+name))
			if err != nil {
				return err
			}
			if err := os.WriteFile(path+name, text, 0o600); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := openDatabase(t.Context(), path, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(t.Context(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(t.Context(), sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestServeTwoAtOnce starts two servers on one fresh PostgreSQL database at the same time.
func TestServeTwoAtOnce(t *testing.T) {
	dir, database := t.TempDir(), pgtest.Database(t)
	env := []string{masterKeyVariable + "=" + strings.Repeat("5a", 32)}
	var starting [2]*process
	for i := range starting {
		data := filepath.Join(dir, fmt.Sprint(i))
		starting[i] = start(t, command(dir, env, append([]string{"serve", "--data", data, "--database", database}, anyPort...)...))
	}
	var servers [2]*serving
	var keys []credential
	for i := range starting {
		servers[i] = awaitServing(starting[i], filepath.Join(dir, fmt.Sprint(i)))
		if c, err := readCredential(filepath.Join(servers[i].dir, "credentials")); err == nil {
			keys = append(keys, c)
		}
	}
	if len(keys) == 0 {
		t.Fatal("neither server made a key")
	}
	for _, s := range servers {
		for _, c := range keys {
			if err := works(clientOf(s.endpoint, c)); err != nil {
				t.Error(err)
			}
		}
	}
	// A page token of one is good for the other.
	c := [2]*macie2.Client{clientOf(servers[0].endpoint, keys[0]), clientOf(servers[1].endpoint, keys[0])}
	enable(t, c[0])
	if _, err := c[0].CreateSampleFindings(t.Context(), &macie2.CreateSampleFindingsInput{}); err != nil {
		t.Fatal(err)
	}
	first, err := c[0].ListFindings(t.Context(), &macie2.ListFindingsInput{MaxResults: aws.Int32(1)})
	if err != nil {
		t.Fatal(err)
	}
	second, err := c[1].ListFindings(t.Context(), &macie2.ListFindingsInput{MaxResults: aws.Int32(1), NextToken: first.NextToken})
	if err != nil || len(second.FindingIds) != 1 || second.FindingIds[0] == first.FindingIds[0] {
		t.Errorf("second page from the other server: %+v, %v", second, err)
	}

	// A third one with a key of its own would seal what the others cannot open.
	said := fails(t, command(dir, nil, append([]string{"serve", "--data", "third", "--database", database}, anyPort...)...))
	if !strings.Contains(said, "sealed with another key") {
		t.Errorf("a server with another master key says %q", said)
	}
}

func TestServeHTTPSWarning(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	s := serve(t, filepath.Join(dir, "data"), "--tls-cert", cert, "--tls-key", key)
	if !strings.Contains(readFile(t, filepath.Join(s.dir, "config")), "endpoint_url = https://") {
		t.Error("the profile does not say https")
	}
	if err := works(httpsClient(t, s, cert)); err != nil {
		t.Error(err)
	}
	s.stop()

	p := start(t, command(dir, nil, "serve", "--data", filepath.Join(dir, "data"), "--listen", "0.0.0.0:0", "--ops", "127.0.0.1:0"))
	line := p.awaitLog("requests and findings travel in the clear; give --tls-cert and --tls-key, or listen on 127.0.0.1")
	if line["level"] != "WARN" {
		t.Errorf("level %v, want WARN", line["level"])
	}
	p.awaitLog("serving")
	_, port, err := net.SplitHostPort(line["listen"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if config := readFile(t, filepath.Join(dir, "data", "config")); !strings.Contains(config, "endpoint_url = http://localhost:"+port+"\n") {
		t.Errorf("the profile does not name an address that a client can call:\n%s", config)
	}
}
