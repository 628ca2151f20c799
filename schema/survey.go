package schema

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxAtOnce    = 10_000  // schemas that one value may have to fit
	maxRecursion = 64      // levels of a value that a recursive document takes
	maxEffort    = 100_000 // schemas that the parts on one path into a value may be put to
)

// A place is where the schemas that a keyword holds apply.
type place int

const (
	nowhere place = iota // only where something refers to them
	here                 // to the same value
	inside               // to its items or properties
)

// applicators are the keywords that hold schemas: one, a list or a map of them
// (JSON Schema Core 2020-12, sections 8.2.4, 10 and 11; and those of draft 7).
var applicators = map[string]place{
	"$defs": nowhere, "definitions": nowhere,
	"allOf": here, "anyOf": here, "oneOf": here, "not": here,
	"if": here, "then": here, "else": here, "dependentSchemas": here, "dependencies": here,
	"items": inside, "prefixItems": inside, "additionalItems": inside, "contains": inside, "unevaluatedItems": inside,
	"properties": inside, "patternProperties": inside, "additionalProperties": inside,
	"unevaluatedProperties": inside, "propertyNames": inside,
}

// A spot is a schema in a document, and the schemas it puts values to.
type spot struct {
	here   []*spot
	inside [][]*spot // by keyword: those of one keyword but patternProperties apply to different values
	state  int       // of atOnce: 0 new, -1 being counted, or the number
	worst  int       // effort, or 0 if it is not known yet
	// For Tarjan's search for cycles.
	order, low int
	open       bool
	cycle      int // which one it is in, 0 for none
}

// A surveyor finds out what a document may cost before anyone pays it: the
// validator itself would follow a $ref to itself until the stack is used up.
type surveyor struct {
	spots   map[string]*spot // by JSON pointer
	refs    map[*spot]string
	anchors map[string]*spot
	order   int
	cycles  int
	stack   []*spot
	unique  bool // uniqueItems is somewhere
}

// survey checks the references of a document. It returns how deep the values
// validated by it may nest, and whether items of lists may have to differ.
func survey(root any) (depth int, unique bool, err error) {
	s := &surveyor{spots: map[string]*spot{}, refs: map[*spot]string{}, anchors: map[string]*spot{}}
	if err := s.collect(root, ""); err != nil {
		return 0, false, err
	}
	if err := s.link(); err != nil {
		return 0, false, err
	}
	for _, pointer := range sortedKeys(s.spots) {
		if n := s.spots[pointer].atOnce(); n > maxAtOnce {
			return 0, false, fmt.Errorf("at #%s more than %d schemas apply to one value: simplify it", pointer, maxAtOnce)
		} else if n < 0 {
			return 0, false, fmt.Errorf("at #%s a $ref leads back to itself and never into the value: remove it", pointer)
		}
	}
	depth = s.depth()
	for _, pointer := range sortedKeys(s.spots) {
		if s.spots[pointer].effort() > maxEffort {
			return 0, false, fmt.Errorf("at #%s alternatives within alternatives add up to more than %d schemas: simplify it", pointer, maxEffort)
		}
	}
	return depth, s.unique, nil
}

// collect makes a spot of schema and of all those in it.
func (s *surveyor) collect(schema any, pointer string) error {
	p := &spot{}
	s.spots[pointer] = p
	m, ok := schema.(map[string]any)
	if !ok {
		if _, ok := schema.(bool); !ok {
			return fmt.Errorf("#%s is neither an object nor a boolean", pointer)
		}
		return nil
	}
	if err := s.identify(p, m, pointer); err != nil {
		return err
	}
	s.unique = s.unique || m["uniqueItems"] == true
	for _, keyword := range sortedKeys(m) {
		where, ok := applicators[keyword]
		if !ok {
			continue
		}
		subs, err := s.collectAll(m[keyword], keyword, pointer+"/"+keyword)
		if err != nil {
			return err
		}
		switch {
		case where == here:
			p.here = append(p.here, subs...)
		case keyword == "patternProperties":
			for _, sub := range subs {
				p.inside = append(p.inside, []*spot{sub})
			}
		case where == inside:
			p.inside = append(p.inside, subs)
		}
	}
	return nil
}

// identify notes how m is referred to and what it refers to.
func (s *surveyor) identify(p *spot, m map[string]any, pointer string) error {
	if _, ok := m["$dynamicRef"]; ok {
		return fmt.Errorf("#%s has a $dynamicRef: use $ref", pointer)
	}
	if _, ok := m["$id"]; ok && pointer != "" {
		return fmt.Errorf("#%s has an $id: only the root may, and $ref finds the rest as #/$defs/…", pointer)
	}
	if v, ok := m["$schema"]; ok && !slices.Contains(dialects, fmt.Sprint(v)) {
		return fmt.Errorf("#%s is written for %v: only draft 2020-12 and draft 7 are known", pointer, v)
	}
	if err := checkTypeNames(m["type"]); err != nil {
		return fmt.Errorf("#%s: %w", pointer, err)
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if a, ok := m[keyword].(string); ok {
			s.anchors[a] = p
		}
	}
	if ref, ok := m["$ref"]; ok {
		text, _ := ref.(string)
		if !strings.HasPrefix(text, "#") {
			return fmt.Errorf("#%s refers to %v, which is outside: copy what is there into $defs", pointer, ref)
		}
		s.refs[p] = text
	}
	return nil
}

// checkTypeNames refuses the name of a type that there is not (JSON Schema Validation
// 2020-12, section 6.1.1): nothing would fit it.
func checkTypeNames(v any) error {
	all, ok := v.([]any)
	if !ok {
		all = []any{v}
	}
	for _, name := range all {
		switch name {
		case nil, "null", "boolean", "object", "array", "number", "string", "integer":
		default:
			return fmt.Errorf("%v is no type: those are null, boolean, object, array, number, string and integer", name)
		}
	}
	return nil
}

var dialects = []string{
	"https://json-schema.org/draft/2020-12/schema",
	"http://json-schema.org/draft-07/schema#",
	"https://json-schema.org/draft-07/schema#",
}

func (s *surveyor) collectAll(v any, keyword, pointer string) ([]*spot, error) {
	values := map[string]any{"": v}
	switch v := v.(type) {
	case []any:
		values = map[string]any{}
		for i, e := range v {
			values["/"+strconv.Itoa(i)] = e
		}
	case map[string]any:
		switch keyword {
		case "$defs", "definitions", "properties", "patternProperties", "dependentSchemas", "dependencies":
			values = map[string]any{}
			for k, e := range v {
				if _, names := e.([]any); names && keyword == "dependencies" {
					continue
				}
				values["/"+escape(k)] = e
			}
		}
	}
	var subs []*spot
	for _, k := range sortedKeys(values) {
		if err := s.collect(values[k], pointer+k); err != nil {
			return nil, err
		}
		subs = append(subs, s.spots[pointer+k])
	}
	return subs, nil
}

// link adds the references.
func (s *surveyor) link() error {
	for p, ref := range s.refs {
		name, err := url.PathUnescape(ref[1:])
		if err != nil {
			return fmt.Errorf("$ref %s: %w", ref, err)
		}
		target, ok := s.spots[name]
		if name != "" && name[0] != '/' {
			target, ok = s.anchors[name]
		}
		if !ok {
			return fmt.Errorf("there is no schema at the $ref %s: correct it, or move the schema to $defs", ref)
		}
		p.here = append(p.here, target)
	}
	return nil
}

// atOnce counts the schemas that a value put to p is put to; negative if there is
// no end to them.
func (p *spot) atOnce() int {
	if p.state != 0 {
		return p.state
	}
	p.state = -1
	n := 1
	for _, sub := range p.here {
		m := sub.atOnce()
		if m < 0 {
			return -1
		}
		n = min(n+m, maxAtOnce+1)
	}
	p.state = n
	return n
}

// depth bounds the nesting of values. If in one turn of a cycle a part of the
// value is put to that cycle twice, time doubles with each level, so that there
// must be few.
func (s *surveyor) depth() int {
	for _, pointer := range sortedKeys(s.spots) {
		if p := s.spots[pointer]; p.order == 0 {
			s.visit(p)
		}
	}
	most := 0
	for _, p := range s.spots {
		if p.cycle > 0 {
			most = max(most, p.turns(p.cycle))
		}
	}
	switch {
	case most == 0:
		return math.MaxInt
	case most == 1:
		return maxRecursion
	}
	return min(maxRecursion, int(math.Log(maxEffort)/math.Log(float64(most))))
}

// turns counts how often p puts the same part of a value to a cycle, at most.
func (p *spot) turns(cycle int) int {
	n := 0
	for _, sub := range p.here {
		n = min(n+sub.turns(cycle), maxAtOnce)
	}
	for _, subs := range p.inside {
		if slices.ContainsFunc(subs, func(sub *spot) bool { return sub.cycle == cycle }) {
			n++
		}
	}
	return n
}

// effort counts the schemas that a value put to p and, on the worst path, the
// parts in it are put to, each turn of a cycle once.
func (p *spot) effort() int {
	if p.worst != 0 {
		return p.worst
	}
	next := func(sub *spot) int {
		if p.cycle > 0 && sub.cycle == p.cycle {
			return 1
		}
		return sub.effort()
	}
	n := 1
	for _, sub := range p.here {
		n = min(n+next(sub), maxEffort+1)
	}
	for _, subs := range p.inside {
		most := 0
		for _, sub := range subs {
			most = max(most, next(sub))
		}
		n = min(n+most, maxEffort+1)
	}
	p.worst = n
	return n
}

// visit finds the cycles that p is in, by Tarjan's algorithm.
func (s *surveyor) visit(p *spot) {
	s.order++
	p.order, p.low, p.open = s.order, s.order, true
	s.stack = append(s.stack, p)
	loops := false
	for _, subs := range append(p.inside, p.here) {
		for _, sub := range subs {
			if sub.order == 0 {
				s.visit(sub)
				p.low = min(p.low, sub.low)
			} else if sub.open {
				p.low = min(p.low, sub.order)
			}
			loops = loops || sub == p
		}
	}
	if p.low != p.order {
		return
	}
	if s.stack[len(s.stack)-1] != p || loops {
		s.cycles++
		p.cycle = s.cycles
	}
	for member := (*spot)(nil); member != p; {
		member = s.stack[len(s.stack)-1]
		s.stack = s.stack[:len(s.stack)-1]
		member.open, member.cycle = false, p.cycle
	}
}

func sortedKeys[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
