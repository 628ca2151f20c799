// Package model has types that another package's functions take.
package model

// Species of an animal.
type Species string

const (
	Cat  Species = "cat"
	Dog  Species = "dog"
	Lynx Species = "lynx"

	Kitten = Cat // the same value again

	ghost Species = "ghost"
)

// Urgency from 1, today, to 3.
type Urgency int

const (
	Today Urgency = iota + 1
	ThisWeek
	Whenever
)

// Colour of the coat. The list is open.
//
//mcp:noenum
type Colour string

const Black Colour = "black"

// Named is what has a name.
type Named struct {
	// Name that it listens to: "Tom", `Felix` or Žofka.
	Name string `json:"name"`
}

// Pet is a patient.
type Pet struct {
	Named
	Species Species  `json:"species"`
	Colours []Colour `json:"colours,omitempty"` // Colours of the coat.
	Owner   *Owner   `json:"owner,omitempty"`
	Notes   Page[Note]
}

// Owner pays.
type Owner struct {
	Phone string `json:"phone"` // Phone with the country's code.
}

// Note is one line.
type Note struct {
	Text string `json:"text"` // Text of the note.
}

// Page is a part of a list.
type Page[T any] struct {
	// Items on this page.
	Items []T `json:"items"`
}

func use() Species { return ghost }

var _ = use
