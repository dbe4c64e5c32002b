package macie

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/magpie-sec/magpie/internal/macie/classify"
	"github.com/magpie-sec/magpie/internal/source"
	"github.com/magpie-sec/magpie/internal/wire"
	"github.com/magpie-sec/magpie/internal/wire/macie2"
)

// configureReveal asks for a configuration.
func (w *world) configureReveal(status macie2.RevealStatus, key string, retrieval *macie2.UpdateRetrievalConfiguration) (*macie2.UpdateRevealConfigurationOutput, error) {
	in := &macie2.UpdateRevealConfigurationInput{Configuration: &macie2.RevealConfiguration{Status: status}, RetrievalConfiguration: retrieval}
	if key != "" {
		in.Configuration.KmsKeyId = wire.Ptr(key)
	}
	return w.service.UpdateRevealConfiguration(w.ctx, in)
}

func (w *world) enableReveal() {
	w.Helper()
	_, err := w.configureReveal(macie2.RevealStatusEnabled, "alias/samples", nil)
	must(w, err)
}

// startReveal lets the service read objects for samples.
func (w *world) startReveal() {
	ctx, cancel := context.WithCancel(w.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.service.Reveal(ctx) }()
	w.Cleanup(func() { cancel(); <-ended })
}

// findingOf returns the finding of an object of home.
func (w *world) findingOf(key string) *macie2.Finding {
	w.Helper()
	for _, f := range w.findings(home, nil) {
		if o := f.ResourcesAffected.S3Object; o != nil && *o.Key == key {
			return &f
		}
	}
	w.Fatalf("no finding for %s", key)
	return nil
}

func (w *world) askFor(id string) (*macie2.GetSensitiveDataOccurrencesOutput, error) {
	return w.service.GetSensitiveDataOccurrences(w.ctx, &macie2.GetSensitiveDataOccurrencesInput{FindingId: &id})
}

// await waits until a request for samples is dealt with.
func (w *world) await(id string) {
	w.Helper()
	w.service.reveals.mu.Lock()
	r := w.service.reveals.kept[revealPlace{home, id}]
	w.service.reveals.mu.Unlock()
	if r == nil {
		w.Fatalf("no samples of %s are asked for", id)
	}
	select {
	case <-r.done:
	case <-time.After(patience):
		w.Fatalf("no samples of %s; log:\n%s", id, w.log)
	}
}

// reveal asks for samples as clients do: once to begin, then for what came of it.
func (w *world) reveal(id string) (*macie2.GetSensitiveDataOccurrencesOutput, error) {
	w.Helper()
	first, err := w.askFor(id)
	if err != nil {
		return nil, err
	}
	if first.Status == macie2.RevealRequestStatusProcessing {
		w.await(id)
		return w.askFor(id)
	}
	return first, nil
}

// samples are those of a successful request, by key.
func (w *world) samples(id string) map[string][]string {
	w.Helper()
	out, err := w.reveal(id)
	must(w, err)
	if out.Status != macie2.RevealRequestStatusSuccess {
		w.Fatalf("status is %s: %s", out.Status, wire.Value(out.Error))
	}
	values := map[string][]string{}
	for key, list := range out.SensitiveDataOccurrences {
		for _, d := range list {
			values[key] = append(values[key], *d.Value)
		}
	}
	return values
}

func (w *world) availability(id string) string {
	w.Helper()
	out, err := w.service.GetSensitiveDataOccurrencesAvailability(w.ctx, &macie2.GetSensitiveDataOccurrencesAvailabilityInput{FindingId: &id})
	must(w, err)
	return fmt.Sprint(out.Code, out.Reasons)
}

// TestRevealConfiguration goes through the rules of macie.md 8.5.
func TestRevealConfiguration(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		get := func() string {
			out, err := w.service.GetRevealConfiguration(w.ctx, &macie2.GetRevealConfigurationInput{})
			must(t, err)
			return string(wire.Marshal(out))
		}
		role := &macie2.UpdateRetrievalConfiguration{RetrievalMode: macie2.RetrievalModeAssumeRole, RoleName: wire.Ptr("Reveal")}
		caller := &macie2.UpdateRetrievalConfiguration{RetrievalMode: macie2.RetrievalModeCallerCredentials}
		const key = "arn:aws:kms:eu-west-1:210987654321:key/12345678-90ab-cdef-1234-567890abcdef"
		const off = `{"configuration":{"status":"DISABLED"},"retrievalConfiguration":{"retrievalMode":"CALLER_CREDENTIALS"}}`
		equal(t, "of a new account", get(), off)

		_, err := w.configureReveal(macie2.RevealStatusEnabled, "", nil)
		refused(t, err, wire.Validation, "kmsKeyId is needed")
		for _, wrong := range []string{"key", "alias", "alias/", "alias/a b", "alias/aws/s3", "arn:aws:kms:eu-west-1:123456789012:alias/aws/s3",
			"arn:aws:kms:us-east-1:123456789012:key/12345678-90ab-cdef-1234-567890abcdef", "arn:aws:s3:::bucket", "arn:aws:kms:eu-west-1:123456789012:key/alias/x",
			"arn:aws:kms:eu-west-1:123456789012:12345678-90ab-cdef-1234-567890abcdef", "arn:aws:kms:eu-west-1:me:key/12345678-90ab-cdef-1234-567890abcdef"} {
			_, err := w.configureReveal(macie2.RevealStatusEnabled, wrong, nil)
			refused(t, err, wire.Validation, "kmsKeyId")
		}
		_, err = w.configureReveal(macie2.RevealStatusEnabled, key, &macie2.UpdateRetrievalConfiguration{RetrievalMode: macie2.RetrievalModeAssumeRole})
		refused(t, err, wire.Validation, "needs roleName")
		_, err = w.configureReveal(macie2.RevealStatusEnabled, key, &macie2.UpdateRetrievalConfiguration{
			RetrievalMode: macie2.RetrievalModeCallerCredentials, RoleName: wire.Ptr("Reveal")})
		refused(t, err, wire.Validation, "roleName goes with")
		equal(t, "after what was refused", get(), off)

		out, err := w.configureReveal(macie2.RevealStatusEnabled, key, role)
		must(t, err)
		on := `{"configuration":{"kmsKeyId":"` + key + `","status":"ENABLED"},"retrievalConfiguration":{"externalId":"` +
			*out.RetrievalConfiguration.ExternalId + `","retrievalMode":"ASSUME_ROLE","roleName":"Reveal"}}`
		equal(t, "enabled", string(wire.Marshal(out)), on)
		equal(t, "enabled, read", get(), on)
		_, err = w.configureReveal(macie2.RevealStatusEnabled, "", nil) // the second time needs no key, and leaves the retrieval alone
		must(t, err)
		equal(t, "enabled again", get(), on)
		_, err = w.configureReveal(macie2.RevealStatusEnabled, "", role)
		must(t, err)
		equal(t, "the same role again", get(), on)

		caller1 := `{"configuration":{"kmsKeyId":"` + key + `","status":"ENABLED"},"retrievalConfiguration":{"retrievalMode":"CALLER_CREDENTIALS"}}`
		_, err = w.configureReveal(macie2.RevealStatusEnabled, "", caller)
		must(t, err)
		equal(t, "with the caller's credentials", get(), caller1)
		again, err := w.configureReveal(macie2.RevealStatusEnabled, "", role)
		must(t, err)
		if *again.RetrievalConfiguration.ExternalId == *out.RetrievalConfiguration.ExternalId {
			t.Error("an external id that was given up came back")
		}
		_, err = w.configureReveal(macie2.RevealStatusDisabled, "", nil)
		must(t, err)
		equal(t, "disabled", get(), strings.Replace(caller1, "ENABLED", "DISABLED", 1))

		strange := as(t.Context(), other)
		_, err = w.service.GetRevealConfiguration(strange, &macie2.GetRevealConfigurationInput{})
		refused(t, err, wire.AccessDenied, "Macie is not enabled")
		w.enable(other)
		foreign, err := w.service.GetRevealConfiguration(strange, &macie2.GetRevealConfigurationInput{})
		must(t, err)
		equal(t, "of another account", string(wire.Marshal(foreign)), off)
	})
}

func gzipOf(t testing.TB, body string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(body))
	must(t, err)
	must(t, z.Close())
	return b.String()
}

// avroOf is an Avro file with one column of strings.
func avroOf(column string, values ...string) string {
	text := func(b []byte, s string) []byte { return append(binary.AppendVarint(b, int64(len(s))), s...) }
	b := append([]byte("Obj\x01"), binary.AppendVarint(nil, 1)...)
	b = text(text(b, "avro.schema"), `{"type":"record","name":"r","fields":[{"name":"`+column+`","type":"string"}]}`)
	b = append(b, 0)
	sync := strings.Repeat("s", 16)
	b = append(b, sync...)
	var block []byte
	for _, v := range values {
		block = text(block, v)
	}
	b = binary.AppendVarint(b, int64(len(values)))
	return string(append(text(b, string(block)), sync...))
}

type parquetRow struct {
	SSN string `parquet:"ssn"`
}

func parquetOf(t testing.TB, values ...string) string {
	var b bytes.Buffer
	p := parquet.NewGenericWriter[parquetRow](&b)
	for _, v := range values {
		_, err := p.Write([]parquetRow{{v}})
		must(t, err)
	}
	must(t, p.Close())
	return b.String()
}

// xlsxOf is a workbook with a sheet of one column.
func xlsxOf(t testing.TB, column string, values ...string) string {
	rows := fmt.Sprintf(`<row r="1"><c r="A1" t="inlineStr"><is><t>%s</t></is></c></row>`, column)
	for i, v := range values {
		rows += fmt.Sprintf(`<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c></row>`, i+2, i+2, v)
	}
	const ns = `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	return zipOf(t, []string{"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml"}, map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>` +
			`<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"xl/workbook.xml": `<workbook ` + ns + ` xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">` +
			`<sheets><sheet name="Staff" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" ` +
			`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml": `<worksheet ` + ns + `><sheetData>` + rows + `</sheetData></worksheet>`,
	})
}

// numbers are invented social security numbers, all different.
func numbers(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("536-90-%04d", 4301+i))
	}
	return out
}

// TestReveal reveals samples of objects of each type, and shows that they stand where the finding says, and nowhere else.
func TestReveal(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.startReveal()
		w.enableReveal()
		many := numbers(40)
		table := "name,ssn\n"
		lines, text := "", ""
		for _, n := range many {
			table += "Ada," + n + "\n"
			lines += `{"ssn":"` + n + "\"}\n"
			text += "ssn: " + n + "\n"
		}
		first := map[string][]string{"USA_SOCIAL_SECURITY_NUMBER": many[:classify.MaxSamples]}
		want := map[string]map[string][]string{}
		bodies := map[string]string{}
		for key, body := range map[string]string{
			"a.csv": table, "a.jsonl": lines, "a.txt": text, "a.csv.gz": gzipOf(t, table), "a.avro": avroOf("ssn", many...),
			"a.tsv": strings.ReplaceAll(table, ",", "\t"), "a.parquet": parquetOf(t, many...), "a.xlsx": xlsxOf(t, "ssn", many...),
			"a.zip": zipOf(t, []string{"x.csv", "y.txt"}, map[string]string{"x.csv": table, "y.txt": text}),
			"a.xml": "<staff><ssn>" + strings.Join(many, "</ssn><ssn>") + "</ssn></staff>",
		} {
			bodies[key], want[key] = body, first
		}
		bodies["two.txt"] = "card number " + plantedCard + "\nssn " + plantedSSN + "\n"
		want["two.txt"] = map[string][]string{"CREDIT_CARD_NUMBER": {plantedCard}, "USA_SOCIAL_SECURITY_NUMBER": {plantedSSN}}
		w.put("bucket", bodies)
		w.run("bucket")
		for key := range bodies {
			f := w.findingOf(key)
			equal(t, key+" is", w.availability(*f.Id), "AVAILABLE[]")
			equal(t, "samples of "+key, w.samples(*f.Id), want[key])
		}
		for _, secret := range []string{many[0], plantedCard, plantedSSN} {
			if strings.Contains(w.log.String(), secret) {
				t.Error("a sample stands in the log")
			}
		}
		if !strings.Contains(w.log.String(), "samples of a finding were given out") {
			t.Error("the log does not say that samples were given out")
		}
		if path, isFile := strings.CutPrefix(url, "sqlite:"); isFile {
			files, err := filepath.Glob(path + "*")
			must(t, err)
			for _, file := range files {
				body, err := os.ReadFile(file)
				must(t, err)
				if bytes.Contains(body, []byte(many[0])) {
					t.Errorf("a sample stands in %s", file)
				}
			}
		}
	})
}

// TestRevealPlaces shows that samples are the values at the places that a finding names, in a table where others stand in between that the
// finding does not report, and none of a type whose values an allow list has left out.
func TestRevealPlaces(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.startReveal()
	w.enableReveal()
	list := w.allow(listOf("pattern", regexCriteria("536-90-43.*[02468]")))
	n := numbers(60)
	w.put("bucket", map[string]string{
		"a.csv": "ssn,note\n" + strings.Join(n, ",none\n") + ",none\n",
		"a.zip": zipOf(t, []string{"a.csv"}, map[string]string{"a.csv": "ssn\n" + strings.Join(n, "\n")}),
	})
	in := jobOver("token", "bucket")
	in.AllowListIds = []string{list}
	w.wait(w.create(in))
	var odd []string
	for _, v := range n {
		if strings.ContainsAny(v[len(v)-1:], "13579") {
			odd = append(odd, v)
		}
	}
	for _, key := range []string{"a.csv", "a.zip"} {
		equal(t, "samples of "+key, w.samples(*w.findingOf(key).Id), map[string][]string{"USA_SOCIAL_SECURITY_NUMBER": odd[:classify.MaxSamples]})
	}
	// The finding alone says where: one that names other rows has other samples.
	f := w.findingOf("a.csv")
	o := f.ClassificationDetails.Result.SensitiveData[0].Detections[0].Occurrences
	o.Cells = o.Cells[12:14]
	of := samplingsOf(f)
	must(t, w.service.reveals.read(t.Context(), home, f, of))
	equal(t, "samples at two places", of[0].Values, odd[12:14])
	o.Cells[0].Row = wire.Ptr[int64](9999)
	of = samplingsOf(f)
	must(t, w.service.reveals.read(t.Context(), home, f, of))
	equal(t, "samples at a place where nothing stands", of[0].Values, odd[13:14])
}

// TestRevealCustom reveals what custom data identifiers found, also of one that was deleted since, and cuts what is long.
func TestRevealCustom(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.startReveal()
	w.enableReveal()
	long := strings.Repeat("ü", 200)
	id := w.identify(tickets())
	words := w.identify(&macie2.CreateCustomDataIdentifierInput{Name: wire.Ptr("long: words"), Regex: wire.Ptr(`ü+`)})
	w.put("bucket", map[string]string{"a.txt": ticketsIn(1, 20), "b.txt": "so " + long + " or ü\n"})
	in := jobOver("token", "bucket")
	in.CustomDataIdentifierIds = []string{id, words}
	w.wait(w.create(in))
	must(t, w.forget(id))
	var want []string
	for i := range classify.MaxSamples {
		want = append(want, fmt.Sprintf("TCK-%06d", 1+i))
	}
	equal(t, "tickets", w.samples(*w.findingOf("a.txt").Id), map[string][]string{"tickets:" + id: want})
	got := w.samples(*w.findingOf("b.txt").Id)
	equal(t, "a long value", got, map[string][]string{"long: words:" + words: {strings.Repeat("ü", classify.MaxSampleLength), "ü"}})
	equal(t, "its characters", utf8.RuneCountInString(got["long: words:"+words][0]), 128)
}

// TestRevealUnavailable goes through the reasons for which there are no samples.
func TestRevealUnavailable(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.startReveal()
	w.put("bucket", map[string]string{
		"changed.csv": people(2), "gone.csv": people(2), "denied.csv": people(2), "late.csv": people(2), "away.csv": people(2),
		"page.eml": "From: a@example.org\nTo: b@example.org\nSubject: x\n\nssn " + plantedSSN + "\n",
		"big.json": `{"ssn":"` + plantedSSN + `","x":"` + strings.Repeat("x ", 13<<20) + `"}`,
	})
	w.run("bucket")
	_, err := w.askFor(*w.findingOf("late.csv").Id)
	refused(t, err, wire.AccessDenied, "disabled")
	_, err = w.service.GetSensitiveDataOccurrencesAvailability(w.ctx, &macie2.GetSensitiveDataOccurrencesAvailabilityInput{FindingId: w.findingOf("late.csv").Id})
	refused(t, err, wire.AccessDenied, "disabled")
	w.enableReveal()
	w.objects[home].Put("bucket", source.Object{Key: "changed.csv"}, []byte(people(3)))
	w.objects[home].Remove("bucket", "gone.csv")
	w.objects[home].Deny("bucket", "denied.csv")
	_, err = w.service.CreateSampleFindings(w.ctx, &macie2.CreateSampleFindingsInput{FindingTypes: []macie2.FindingType{
		macie2.FindingTypePolicyIAMUserS3BucketPublic, macie2.FindingTypeSensitiveDataS3ObjectPersonal}})
	must(t, err)
	seen := map[string]bool{}
	for _, f := range w.findings(home, nil) {
		key := "policy finding"
		if f.ResourcesAffected.S3Object != nil {
			key = *f.ResourcesAffected.S3Object.Key
		}
		reason := map[string]string{
			"policy finding": "UNSUPPORTED_FINDING_TYPE", "exports/members.csv": "UNSUPPORTED_FINDING_TYPE", "changed.csv": "OBJECT_UNAVAILABLE",
			"gone.csv": "OBJECT_UNAVAILABLE", "denied.csv": "OBJECT_UNAVAILABLE", "page.eml": "UNSUPPORTED_OBJECT_TYPE", "big.json": "OBJECT_EXCEEDS_SIZE_QUOTA",
		}[key]
		seen[key] = true
		if reason == "" {
			equal(t, key, w.availability(*f.Id), "AVAILABLE[]")
			continue
		}
		equal(t, key, w.availability(*f.Id), "UNAVAILABLE["+reason+"]")
		_, err := w.reveal(*f.Id)
		refused(t, err, wire.Unprocessable, reason)
		equal(t, key+": the message", err.(*wire.Error).Message, reason)
	}
	equal(t, "findings seen", len(seen), 9)
	_, err = w.reveal("nothing")
	refused(t, err, wire.NotFound, "finding does not exist")

	// The object changes between the first call and its reading.
	late := w.findingOf("late.csv")
	held, goOn := make(chan struct{}), make(chan struct{})
	opened := 0
	w.fault(func(step, _, key string) error {
		if step == "open" && key == "late.csv" {
			if opened++; opened == 2 {
				close(held)
				<-goOn
			}
		}
		if step == "open" && key == "away.csv" {
			if opened++; opened > 3 {
				return &source.Error{Kind: source.Unavailable, Op: "open", Bucket: "bucket", Key: key}
			}
		}
		return nil
	})
	out, err := w.askFor(*late.Id)
	must(t, err)
	equal(t, "status", out.Status, macie2.RevealRequestStatusProcessing)
	<-held
	out, err = w.askFor(*late.Id)
	must(t, err)
	equal(t, "status meanwhile", out.Status, macie2.RevealRequestStatusProcessing)
	w.objects[home].Put("bucket", source.Object{Key: "late.csv"}, []byte(people(3)))
	close(goOn)
	w.await(*late.Id)
	_, err = w.askFor(*late.Id)
	refused(t, err, wire.Unprocessable, "OBJECT_UNAVAILABLE")

	// The source goes away after the first call: that passes, and a later request may do.
	away := w.findingOf("away.csv")
	out, err = w.reveal(*away.Id)
	must(t, err)
	equal(t, "status without a source", out.Status, macie2.RevealRequestStatusError)
	w.fault(func(string, string, string) error { return nil })
	w.clock.Advance(keepReveal)
	equal(t, "samples later", len(w.samples(*away.Id)), 1)

	strange := as(t.Context(), other)
	w.enable(other)
	_, err = w.service.GetSensitiveDataOccurrences(strange, &macie2.GetSensitiveDataOccurrencesInput{FindingId: away.Id})
	refused(t, err, wire.NotFound, "finding does not exist")
}

// TestRevealQuota shows that 100 requests a day are counted for each object, whichever finding they are for and whichever server they ask, and
// that asking how far one is costs nothing.
func TestRevealQuota(t *testing.T) {
	onBothEngines(t, func(t *testing.T, url string) {
		w := newWorldOn(t, url)
		w.start()
		w.startReveal()
		w.enableReveal()
		w.put("bucket", map[string]string{"a.csv": people(2), "b.csv": people(2)})
		w.run("bucket")
		first := *w.findingOf("a.csv").Id
		w.run("bucket") // another finding of each object
		second := ""
		for _, f := range w.findings(home, nil) {
			if *f.ResourcesAffected.S3Object.Key == "a.csv" && *f.Id != first {
				second = *f.Id
			}
		}
		ask := func(id string) error {
			_, err := w.reveal(id)
			if err == nil {
				_, err = w.askFor(id)
			}
			w.service.reveals.drop(revealPlace{home, id})
			return err
		}
		for i := range revealsPerDay {
			if i == 60 { // the server starts anew
				s, err := New(w.service.cfg)
				must(t, err)
				w.service = s
				w.startReveal()
			}
			must(t, ask([]string{first, second}[i%2]))
		}
		for _, id := range []string{first, second} {
			refused(t, ask(id), wire.Quota, "100 times today")
		}
		must(t, ask(*w.findingOf("b.csv").Id))
		midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		w.clock.Advance(midnight.Sub(w.clock.Now()))
		refused(t, ask(first), wire.Quota, "00:00:01 UTC")
		w.clock.Advance(time.Second)
		must(t, ask(first))
	})
}

// TestRevealForgets shows how long samples are kept: for a while, not over a restart, and not when they are disabled.
func TestRevealForgets(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.startReveal()
	w.enableReveal()
	w.put("bucket", map[string]string{"a.csv": people(2)})
	w.run("bucket")
	id := *w.findingOf("a.csv").Id
	status := func() macie2.RevealRequestStatus {
		t.Helper()
		out, err := w.askFor(id)
		must(t, err)
		return out.Status
	}
	w.samples(id)
	w.clock.Advance(keepReveal - time.Millisecond)
	equal(t, "just before", status(), macie2.RevealRequestStatusSuccess)
	w.clock.Advance(time.Millisecond)
	equal(t, "then", status(), macie2.RevealRequestStatusProcessing)
	w.await(id)
	equal(t, "read anew", status(), macie2.RevealRequestStatusSuccess)

	_, err := w.configureReveal(macie2.RevealStatusDisabled, "", nil)
	must(t, err)
	_, err = w.askFor(id)
	refused(t, err, wire.AccessDenied, "disabled")
	equal(t, "kept when disabled", len(w.service.reveals.kept), 0)
	w.enableReveal()
	equal(t, "enabled anew", status(), macie2.RevealRequestStatusProcessing)
	w.await(id)

	w.service, err = New(w.service.cfg)
	must(t, err)
	w.startReveal()
	equal(t, "after a restart", status(), macie2.RevealRequestStatusProcessing)
	w.await(id)
	equal(t, "after a restart, read", status(), macie2.RevealRequestStatusSuccess)
}

// TestRevealBounded shows that a server takes a bounded number of requests, and gives up what it has read first.
func TestRevealBounded(t *testing.T) {
	w := newWorld(t)
	v := newRevealer(w.service.cfg)
	place := func(i int) revealPlace { return revealPlace{home, fmt.Sprint(i)} }
	for i := range maxReveals {
		isNew, err := v.reserve(place(i))
		must(t, err)
		equal(t, "new", isNew, true)
		v.begin(place(i), &macie2.Finding{})
	}
	isNew, err := v.reserve(place(3))
	must(t, err)
	equal(t, "new again", isNew, false)
	_, err = v.reserve(place(maxReveals))
	refused(t, err, wire.Throttling, "Try again")
	for _, i := range []int{5, 4} {
		v.end(v.kept[place(i)], revealFailed(""), nil)
		w.clock.Advance(time.Second)
	}
	_, err = v.reserve(place(maxReveals))
	must(t, err)
	if v.kept[place(5)] != nil || v.kept[place(4)] == nil {
		t.Error("not the oldest was given up")
	}
	v.forget(home)
	equal(t, "kept", len(v.kept), 0)
	for range maxReveals { // those that were forgotten are passed over
		v.work(t.Context(), <-v.queue)
	}
	if strings.Contains(w.log.String(), "panic") {
		t.Error(w.log)
	}
}

// TestRevealHostile reads an archive that expands without end behind the value that is wanted, and one before it: neither hangs, neither costs
// more than its share.
func TestRevealHostile(t *testing.T) {
	w := newWorld(t)
	bomb := func(names ...string) string {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, name := range names {
			member, err := z.Create(name)
			must(t, err)
			if name == "people.csv" {
				_, err = member.Write([]byte(people(1)))
				must(t, err)
				continue
			}
			zeros := bytes.Repeat([]byte("0"), 1<<20)
			for range 160 {
				_, err := member.Write(zeros)
				must(t, err)
			}
		}
		must(t, z.Close())
		return b.String()
	}
	w.put("bucket", map[string]string{"first.zip": bomb("people.csv", "bomb.txt"), "last.zip": bomb("bomb.txt", "people.csv")})
	v := w.service.reveals
	for key, want := range map[string]int{"first.zip": 1, "last.zip": 0} {
		r, err := w.objects[home].Open(t.Context(), "bucket", key, source.OpenOptions{})
		must(t, err)
		f := &macie2.Finding{Id: wire.Ptr(key), ClassificationDetails: &macie2.ClassificationDetails{},
			ResourcesAffected: &macie2.ResourcesAffected{S3Bucket: &macie2.S3Bucket{Name: wire.Ptr("bucket")},
				S3Object: &macie2.S3Object{Key: wire.Ptr(key), ETag: wire.Ptr(r.Object().ETag)}}}
		must(t, r.Close())
		of := []*classify.Sampling{{Managed: "USA_SOCIAL_SECURITY_NUMBER"}}
		must(t, v.read(t.Context(), home, f, of))
		equal(t, key, len(of[0].Values), want)
	}
}
