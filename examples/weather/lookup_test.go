package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	a := cities(t)
	for input, want := range map[string]string{
		"Oslo":     "Oslo",
		"oslo":     "Oslo",
		"  OSLO ":  "Oslo",
		"new york": "New York",
		"NewYork":  "New York",
		"bogota":   "Bogotá",
		"Bogotá":   "Bogotá",
		"brasilia": "Brasília",
		"tromso":   "Tromsø",
		"Zürich":   "Zurich",
		"Krakow":   "Kraków",
		"medellín": "Medellín", // The accent is a rune of its own.
		"Atlantis": "",
		"":         "",
	} {
		got, err := a.find(input)
		if got.City != want || (err == nil) != (want != "") {
			t.Errorf("find(%q) = %q, %v, want %q", input, got.City, err, want)
		}
	}
}

func TestFindSuggests(t *testing.T) {
	a := cities(t)
	for input, want := range map[string]string{
		"Osl":      `unknown city "Osl": did you mean Oslo, `,
		"Delhi":    "did you mean New Delhi, ",
		"Tokio":    "did you mean Tokyo, ",
		"Warszawa": "did you mean Warsaw, ",
	} {
		_, err := a.find(input)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("find(%q): %v, want %q", input, err, want)
		}
	}

	_, err := a.find(strings.Repeat("x", 1<<20))
	if err == nil || len(err.Error()) > 100 {
		t.Errorf("a huge name: %.200v", err)
	}
}

func TestNearest(t *testing.T) {
	a := atlas{{City: "Lima"}, {City: "Oslo"}, {City: "Rome"}, {City: "Lomé"}}
	if got, want := a.nearest("rom"), []string{"Rome", "Lomé", "Lima"}; !slices.Equal(got, want) {
		t.Errorf("nearest = %q, want %q", got, want)
	}
	if got := a[:1].nearest("rom"); len(got) != 1 {
		t.Errorf("nearest of a single place = %q", got)
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "oslo", 4},
		{"oslo", "", 4},
		{"oslo", "oslo", 0},
		{"osl", "oslo", 1},
		{"kitten", "sitting", 3},
		{"киев", "киïв", 1},
	} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
