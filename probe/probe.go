// Package probe holds the words that the whole program shares: what a target
// is, what evidence, an observation, a rule and a finding are, and how one
// becomes the next.
//
//	Target → session → evidence → observations → findings → bundle → report
//
// Each arrow after evidence is a pure function. [Observe] turns a [Record] of
// raw files into a flat list of [Observation]; [Set.Judge] turns observations,
// an edition and a date into [Finding]. Neither opens a socket, so both can be
// run again years later on a sealed bundle.
//
// Observers never give an opinion and rules never touch the network. A
// measurement that did not succeed is an observation with a [Failure]; a Go
// error means that this program could not do its work. The zero [Verdict] is
// Unknown, so that a scan which broke can never look like one that passed.
//
// The package uses nothing but the standard library.
package probe

// Text is a sentence for people in both languages of the report.
type Text struct {
	DE string `json:"de"`
	EN string `json:"en"`
}

// In returns the text in the language with the tag "de" or "en"; any other
// tag gives English.
func (t Text) In(lang string) string {
	if lang == "de" {
		return t.DE
	}
	return t.EN
}
