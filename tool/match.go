package tool

import (
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The run-time names a function by import path and a type by package name and
// import path. Files have a package clause, and a folder of which only the end
// is known. This file brings the two together. Where that leaves a doubt there
// is no description: a wrong one is worse.

// certain is the rank of what stands at the very line that the run-time has.
const certain = 1 << 30

// function returns what the source says of a function.
func (s *Source) function(info fnInfo) funcDoc {
	key := info.name
	if info.recv != "" {
		key = info.recv + "." + key
	}
	doc, _ := best(s.funcs[key], func(f funcDoc) (int, place) {
		at := "/" + path.Join(f.dir, f.file)
		if strings.HasSuffix("/"+info.file, at) && f.first <= info.line && info.line <= f.last {
			return certain, f.place
		}
		rank := f.rank(info.pkg)
		switch {
		case info.pkg == "main" && f.pkg != "main",
			info.pkg != "main" && f.dir == "." && !mayBeNamed(info.pkg, f.pkg):
			rank = 0
		}
		return rank, f.place
	})
	return doc
}

// describe returns the comment of a struct field, or of the type for field "".
func (s *Source) describe(t reflect.Type, field string) string {
	if doc, ok := s.knows(t); ok {
		return doc.text(field)
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	pkg, _, _ := strings.Cut(t.String(), ".")
	doc, _ := best(s.types[name], func(d typeDoc) (int, place) {
		if d.pkg != pkg || d.names != nil && !d.hasFieldsOf(t) {
			return 0, d.place
		}
		return d.rank(t.PkgPath()), d.place
	})
	if field == "" {
		return doc.comment
	}
	return doc.fields[field]
}

// hasFieldsOf tells types of one name apart: those of two programs in one file
// system, and those that functions declare for themselves.
func (d *typeDoc) hasFieldsOf(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() != len(d.names) {
		return false
	}
	for i, name := range d.names {
		if t.Field(i).Name != name {
			return false
		}
	}
	return true
}

// best returns the doc of the highest rank above 0. Of equals it is the first,
// or none if they are of several folders.
func best[T any](docs []T, rank func(T) (int, place)) (doc T, ok bool) {
	highest, dir := 0, ""
	for _, d := range docs {
		r, at := rank(d)
		switch {
		case r > highest:
			doc, ok, highest, dir = d, true, r, at.dir
		case ok && r == highest && at.dir != dir:
			var none T
			doc, ok = none, false
		}
	}
	return doc, ok
}

// rank says how well p's folder fits an import path; 0 is not at all. The root
// fits any, and so does every folder that of a program, whose path is main.
func (p place) rank(importPath string) int {
	switch {
	case p.dir == ".", importPath == "main":
		return 1
	case strings.HasSuffix("/"+importPath, "/"+p.dir):
		return 1 + len(p.dir)
	}
	return 0
}

var majorVersion = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^v[0-9]+$`) })

// mayBeNamed reports whether the package at importPath may have that name by
// the customs of naming: x/weather, x/weather/v2, x/go-weather, x/weather.v2.
func mayBeNamed(importPath, pkg string) bool {
	parent, last := path.Split(importPath)
	if majorVersion().MatchString(last) {
		last = path.Base(parent)
	}
	parts := strings.FieldsFunc(last, func(r rune) bool { return r == '-' || r == '.' })
	return last == pkg || slices.Contains(parts, pkg)
}
