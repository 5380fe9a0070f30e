package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"vksprobe/probe"
	"vksprobe/report"
)

var update = flag.Bool("update", false, "write report.schema.json and the golden files anew")

// derived is the schema as it follows from the Go types.
func derived(t *testing.T) []byte {
	t.Helper()
	words := func(list ...any) *jsonschema.Schema { return &jsonschema.Schema{Type: "string", Enum: list} }
	var phases, failures, verdicts []any
	for _, p := range probe.Phases() {
		phases = append(phases, string(p))
	}
	for _, f := range probe.Failures() {
		failures = append(failures, string(f))
	}
	for v := probe.Unknown; v <= probe.Review; v++ {
		verdicts = append(verdicts, v.String())
	}
	s, err := jsonschema.For[report.Report](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[probe.Verdict]():           words(verdicts...),
		reflect.TypeFor[probe.Severity]():          words("info", "low", "medium", "high"),
		reflect.TypeFor[probe.Phase]():             words(phases...),
		reflect.TypeFor[probe.Failure]():           words(failures...),
		reflect.TypeFor[probe.RunState]():          words("running", "complete", "incomplete"),
		reflect.TypeFor[json.RawMessage]():         {},
		reflect.TypeFor[time.Time]():               {Type: "string", Format: "date-time"},
		reflect.TypeFor[map[probe.Phase]float64](): {Types: []string{"null", "object"}, PropertyNames: words(phases...), AdditionalProperties: &jsonschema.Schema{Type: "number"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "vksprobe report"
	s.Properties["version"] = &jsonschema.Schema{Type: "string", Enum: []any{report.Version}}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestSchemaIsCurrent(t *testing.T) {
	want := derived(t)
	if *update {
		if err := os.WriteFile("report.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(report.Schema())); diff != "" {
		t.Errorf("report.schema.json is not what the types say; go generate ./report writes it anew (-types +file):\n%s", diff)
	}
}

func written(t *testing.T, r *report.Report) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := report.JSON(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestJSONRoundTrip(t *testing.T) {
	r, _ := sample(t)
	first := written(t, r)
	dec := json.NewDecoder(bytes.NewReader(first))
	dec.DisallowUnknownFields()
	var back report.Report
	if err := dec.Decode(&back); err != nil {
		t.Fatal(err)
	}
	sameData := cmp.Comparer(func(a, b json.RawMessage) bool {
		var x, y bytes.Buffer
		return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes()) || len(a) == 0 && len(b) == 0
	})
	if diff := cmp.Diff(r, &back, sameData); diff != "" {
		t.Errorf("lost on the way (-before +after):\n%s", diff)
	}
	if !bytes.Equal(first, written(t, &back)) {
		t.Error("written again it differs")
	}
}

func TestJSONValidates(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(report.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	schema, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	validate := func(b []byte) error {
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	r, _ := sample(t)
	whole := written(t, r)
	for name, b := range map[string][]byte{"sample": whole, "empty": written(t, report.New(probe.Run{State: probe.Incomplete}, nil, nil, nil, nil))} {
		if err := validate(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, spoil := range [][2]string{
		{`"verdict": "fail"`, `"verdict": "guilty"`}, {`"phase": "prejoin"`, `"phase": "elsewhere"`}, {`"failure": "browser_crashed"`, `"failure": "oops"`},
		{`"state": "incomplete"`, `"state": "fine"`}, {`"sha256":`, `"md5":`}, {`"version": "vksprobe-report/v1"`, `"version": "v0"`},
	} {
		spoilt := bytes.Replace(whole, []byte(spoil[0]), []byte(spoil[1]), 1)
		if bytes.Equal(spoilt, whole) {
			t.Fatalf("%s is not in the report", spoil[0])
		}
		if validate(spoilt) == nil {
			t.Errorf("%s is valid", spoil[1])
		}
	}
}

func TestNewCountsAndCompletesFiles(t *testing.T) {
	r, _ := sample(t)
	if want := (report.Counts{Fail: 3, Review: 2, Unknown: 1, Pass: 62, NotApplicable: 1}); r.Counts != want {
		t.Errorf("counts are %+v, want %+v", r.Counts, want)
	}
	if r.Target.Host != "meet.example.org" {
		t.Errorf("target is %+v", r.Target)
	}
	bare := report.New(r.Run, nil, r.Observations, nil, nil)
	var cited *report.File
	for i, f := range bare.Files {
		if f.Path == "evidence/p1/hook.jsonl" {
			cited = &bare.Files[i]
		}
	}
	if cited == nil || len(cited.SHA256) != 64 || cited.Bytes != 0 {
		t.Errorf("a cited file that is not on the list became %+v", cited)
	}
}
