package netlog

import "testing"

func TestBackground(t *testing.T) {
	own := "not an origin"
	for _, c := range []struct {
		name string
		r    Request
		want bool
	}{
		{"time check", Request{URL: "http://clients2.google.com/time", Initiator: own, Isolation: "null null", Type: "other"}, true},
		{"autofill, in the name of the page", Request{URL: "https://content-autofill.googleapis.com/v1", Initiator: own, Isolation: "https://meet.example https://meet.example", Type: "other", Annotation: 88863520}, true},
		{"vendor service", Request{URL: "https://android.clients.google.com/checkin", Initiator: own, Isolation: "https://google.com https://google.com", Type: "other"}, true},
		{"the page itself", Request{URL: "https://meet.example/r", Initiator: own, Isolation: "https://meet.example https://meet.example", Type: "main frame"}, false},
		{"what the page loads", Request{URL: "https://www.google.com/x.js", Initiator: "https://meet.example", Isolation: "https://meet.example https://meet.example", Type: "other"}, false},
		{"a report on the page's behalf", Request{URL: "https://nel.example/r", Initiator: own, Isolation: "https://meet.example https://meet.example", Type: "other"}, false},
		{"a page of the vendor", Request{URL: "https://www.google.com/x", Initiator: "https://meet.google.com", Isolation: "https://google.com https://google.com", Type: "other"}, false},
		{"another name with the same ending", Request{URL: "https://notgoogle.com/x", Initiator: own, Isolation: "https://google.com https://google.com", Type: "other"}, false},
		{"isolated as nothing", Request{URL: "https://a.example/x", Initiator: own, Isolation: "", Type: "other"}, false},
	} {
		if got := c.r.Background(); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
