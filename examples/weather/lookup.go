package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const (
	// suggestions is how many near names an unknown city is answered with.
	suggestions = 3
	// longestName bounds, in bytes, the names looked up: the time to find the
	// nearest ones grows with the length.
	longestName = 100
)

// find returns the place with the given name, whatever its case, accents and
// spacing. The error for an unknown name suggests the nearest known ones.
func (a atlas) find(city string) (place, error) {
	if len(city) > longestName {
		return place{}, fmt.Errorf("no city has a name of %d bytes", len(city))
	}
	name := fold(city)
	for _, p := range a {
		if fold(p.City) == name {
			return p, nil
		}
	}
	return place{}, fmt.Errorf("unknown city %q: did you mean %s?",
		city, strings.Join(a.nearest(name), ", "))
}

// nearest returns the known names closest to a folded name, closest first.
func (a atlas) nearest(name string) []string {
	type candidate struct {
		city     string
		distance int
	}
	candidates := make([]candidate, len(a))
	for i, p := range a {
		candidates[i] = candidate{p.City, editDistance(name, fold(p.City))}
	}
	// A stable sort, so that equally near names keep the order of the atlas.
	slices.SortStableFunc(candidates, func(x, y candidate) int {
		return cmp.Compare(x.distance, y.distance)
	})
	names := make([]string, min(suggestions, len(candidates)))
	for i := range names {
		names[i] = candidates[i].city
	}
	return names
}

// accents maps the accented Latin letters of city names to plain ones. It is a
// table because the standard library cannot decompose a letter, and an example
// should not need a dependency for that.
var accents = func() map[rune]rune {
	m := make(map[rune]rune)
	for plain, accented := range map[rune]string{
		'a': "àáâãäåāăą", 'c': "çćč", 'd': "ďđ", 'e': "èéêëēėęě", 'g': "ğ",
		'i': "ìíîïīı", 'l': "ł", 'n': "ñńň", 'o': "òóôõöøōő", 'r': "ř",
		's': "śšşș", 't': "ťțţ", 'u': "ùúûüūůű", 'y': "ý", 'z': "źżž",
	} {
		for _, r := range accented {
			m[r] = plain
		}
	}
	return m
}()

// fold reduces a name to what is compared: lower case letters and digits,
// without accents, spaces or punctuation.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		r = unicode.ToLower(r)
		if plain, ok := accents[r]; ok {
			return plain
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}

// editDistance returns the Levenshtein distance between two strings: how many
// letters must be added, removed or replaced to make one into the other.
func editDistance(from, to string) int {
	a, b := []rune(from), []rune(to)
	// row[j] is the distance between the part of a seen so far and b[:j].
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
