package probe

import (
	"fmt"
	"slices"
)

// Verdict is the answer to one rule for one subject.
type Verdict int

// The zero Verdict is Unknown: nothing was measured.
const (
	Unknown       Verdict = iota // not measured, or not long enough
	NotApplicable                // the rule has nothing to say here
	Pass                         // measured and in order
	Fail                         // measured and in violation
	Review                       // measured, but a person must decide
)

var verdicts = [...]string{"unknown", "not_applicable", "pass", "fail", "review"}

func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdicts) {
		return fmt.Sprintf("verdict(%d)", int(v))
	}
	return verdicts[v]
}

// MarshalText writes the verdict as one of unknown, not_applicable, pass,
// fail and review.
func (v Verdict) MarshalText() ([]byte, error) {
	if v < 0 || int(v) >= len(verdicts) {
		return nil, fmt.Errorf("no verdict %d", int(v))
	}
	return []byte(verdicts[v]), nil
}

// UnmarshalText reads what MarshalText writes.
func (v *Verdict) UnmarshalText(b []byte) error {
	i := slices.Index(verdicts[:], string(b))
	if i < 0 {
		return fmt.Errorf("no verdict %q", b)
	}
	*v = Verdict(i)
	return nil
}

// Severity orders findings within a report. It says how much a violation
// matters to the people in the meeting, not how sure we are.
type Severity string

// The severities from the lightest to the gravest.
const (
	Info   Severity = "info"
	Low    Severity = "low"
	Medium Severity = "medium"
	High   Severity = "high"
)
