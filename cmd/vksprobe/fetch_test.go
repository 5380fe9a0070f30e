package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vksprobe/tls/chain"
)

func TestFetcher(t *testing.T) {
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/ocsp":
			if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/ocsp-request" {
				http.Error(w, "no", http.StatusBadRequest)
			}
			w.Write(body)
		case "/crl":
			io.WriteString(w, r.Method+" list")
		case "/huge":
			w.Write(bytes.Repeat([]byte{1}, chain.MaxOCSP+1))
		default:
			http.NotFound(w, r)
		}
	}))
	defer far.Close()
	near := fetcher("127.0.0.1:443", 5*time.Second)
	for _, test := range []struct{ url, body, want, err string }{
		{"/ocsp", "question", "question", ""},
		{"/crl", "", "GET list", ""},
		{"/huge", "x", "", "more than"},
		{"/missing", "", "", "404"},
	} {
		var body []byte
		if test.body != "" {
			body = []byte(test.body)
		}
		got, err := near(t.Context(), far.URL+test.url, body)
		if test.err == "" && (err != nil || string(got) != test.want) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %.40q, %v", test.url, got, err)
		}
	}
	if _, err := fetcher("192.0.2.1:443", time.Second)(t.Context(), far.URL+"/crl", nil); err == nil || !strings.Contains(err.Error(), "private network") {
		t.Errorf("a public server leads us to ourselves: %v", err)
	}
	for _, url := range []string{"ldap://127.0.0.1/", "file:///etc/passwd", ":"} {
		if _, err := near(t.Context(), url, nil); err == nil {
			t.Errorf("%s is followed", url)
		}
	}
}
