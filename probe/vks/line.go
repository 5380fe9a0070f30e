package vks

import (
	"encoding/json"
	"time"

	"vksprobe/probe/browser"
)

// A Line is one line of p<n>/vks.jsonl: what the link carried, what the
// adapter made of a view, or what could be operated where the walk ended.
type Line struct {
	Time      time.Time       `json:"t"`
	System    string          `json:"system"`
	Overrides []Override      `json:"overrides,omitempty"`
	Cleaned   bool            `json:"cleaned,omitempty"` // the overrides were taken out before the link was opened
	State     State           `json:"state,omitempty"`
	Probe     json.RawMessage `json:"probe,omitempty"` // result of the adapter's expression
	Controls  []Item          `json:"controls,omitempty"`
}

// An Item is a control without what was typed into it.
type Item struct {
	Tag      string            `json:"tag"`
	Role     string            `json:"role,omitempty"`
	Name     string            `json:"name,omitempty"`
	Attrs    map[string]string `json:"attrs,omitempty"` // id, name, class and what is made for tests
	Disabled bool              `json:"disabled,omitempty"`
}

// maxItems bounds an inventory.
const maxItems = 300

// Inventory lists the controls of a view, for whoever has to teach an adapter
// a page that it does not know.
func Inventory(v browser.View) []Item {
	var all []Item
	for _, c := range v.Controls[:min(len(v.Controls), maxItems)] {
		item := Item{Tag: c.Tag, Role: c.Role, Name: c.Name[:min(len(c.Name), 100)], Disabled: c.Disabled}
		for _, name := range []string{"id", "name", "class", "autocomplete", "data-testid", "data-test", "data-tid"} {
			if value := c.Attrs[name]; value != "" {
				if item.Attrs == nil {
					item.Attrs = map[string]string{}
				}
				item.Attrs[name] = value[:min(len(value), 200)]
			}
		}
		all = append(all, item)
	}
	return all
}
