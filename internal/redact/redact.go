// Package redact keeps secrets out of text that is for other eyes: a log, an
// error, an answer. They are found in whatever form they stand there, for a text
// that quotes one has mostly come through a URL, a header or JSON before.
package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Mark is what is written in place of a secret.
const Mark = "[redacted]"

// Cut is what is written where a text has been cut: part of a secret may stand
// before it, or behind it.
const Cut = "…"

// A secret that is shorter than minText bytes is not looked for, nor so much of a
// longer one: its letters occur in any sentence. One that is shorter than
// minEncoded is not looked for in a form that has no letters of it.
const (
	minText    = 4
	minEncoded = 6
)

// Secrets are texts to keep out of others. It may be used concurrently. A nil
// *Secrets is none.
type Secrets struct {
	values []string // that are long enough
	once   sync.Once
	forms  []string // values, and what they look like where they have been encoded
	plain  []string // values, and what they look like where they have been unescaped
}

// Of returns secrets.
func Of(values ...string) *Secrets {
	s := new(Secrets)
	for _, v := range values {
		if len(v) >= minText {
			s.values = append(s.values, v)
		}
	}
	return s
}

func (s *Secrets) prepare() {
	for _, value := range s.values {
		s.forms = append(append(s.forms, value), encodings(value)...)
		s.plain = append(s.plain, value)
		v := newView(value)
		for range maxEscapes {
			v.unescape()
		}
		if len(v.text) >= minText {
			s.plain = append(s.plain, string(v.text))
		}
	}
}

// Hide returns text with [Mark] in place of every secret: as it is, escaped as in a
// URL, in JSON, Go or HTML, also several times over, and as base64, hexadecimal or
// decimal numbers. What is left of a secret at a [Cut] is hidden, too.
func (s *Secrets) Hide(text string) string {
	if s == nil || len(s.values) == 0 || text == "" {
		return text
	}
	s.once.Do(s.prepare)
	h := hidden{size: len(text)}
	h.find(text, s.forms, nil)
	if strings.ContainsAny(text, escapes) {
		v := newView(text)
		for n := 0; n < maxEscapes && v.unescape(); n++ {
			h.find(string(v.text), s.plain, v)
		}
	}
	return h.from(text)
}

// encodings returns the forms of a value in which no letter of it is left. In
// base64 it may stand anywhere in what was encoded, as a password does behind the
// name of its user; a letter at each end may be another's, too, and is left alone.
func encodings(v string) []string {
	if len(v) < minEncoded {
		return nil
	}
	small := hex.EncodeToString([]byte(v))
	forms := []string{small, strings.ToUpper(small), fmt.Sprintf("% x", v), strings.Trim(fmt.Sprint([]byte(v)), "[]")}
	for at := range 3 { // of three bytes, which are four letters
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := enc.EncodeToString([]byte("\x00\x00"[:at] + v))
			forms = append(forms, text[(8*at+5)/6:8*(at+len(v))/6])
		}
	}
	return forms
}

// hidden says of each byte of a text whether it is to be hidden. Secrets may
// overlap: to replace one after the other would leave the rest of the second.
type hidden struct {
	size  int
	bytes []bool // nil for none
}

func (h *hidden) add(from, to int) {
	if h.bytes == nil && from < to {
		h.bytes = make([]bool, h.size)
	}
	for i := from; i < to; i++ {
		h.bytes[i] = true
	}
}

// find hides what is a secret in text, which is the original or what v has made
// of it. It reads text a fixed number of times for each secret, whatever the two
// are: a client may have chosen both.
func (h *hidden) find(text string, secrets []string, v *view) {
	hide := func(from, to int) {
		if v != nil {
			from, to = v.from[from], v.from[to]
		}
		h.add(from, to)
	}
	cuts := strings.Contains(text, Cut)
	for _, secret := range secrets {
		first := strings.Index(text, secret)
		if cuts {
			first = 0 // there may be less of it before a cut
		}
		if first < 0 {
			continue
		}
		m, n, end := newMatcher([]byte(secret)), 0, 0
		for i := first; i < len(text); i++ {
			n = m.next(n, text[i])
			to := i + 1
			if n == len(secret) || n >= minText && strings.HasPrefix(text[to:], Cut) {
				hide(max(to-n, end), to) // one that overlaps itself is not hidden again and again
				end = to
			}
		}
		if cuts {
			findEnds(text, secret, hide)
		}
	}
}

// findEnds hides what is left of a secret behind cuts.
func findEnds(text, secret string, hide func(from, to int)) {
	backward := []byte(secret)
	slices.Reverse(backward)
	m, n, begin := newMatcher(backward), 0, len(text)
	for i := len(text) - 1; i >= 0; i-- {
		n = m.next(n, text[i])
		if n >= minText && strings.HasSuffix(text[:i], Cut) {
			hide(i, min(i+n, begin))
			begin = i
		}
	}
}

// matcher tells how much of a secret a text has just ended with, byte by byte, in
// the way of Knuth, Morris and Pratt.
type matcher struct {
	secret []byte
	back   []int // of each beginning, how long the next shorter one is that it ends with
}

func newMatcher(secret []byte) *matcher {
	m := &matcher{secret: secret, back: make([]int, len(secret)+1)}
	for n, k := 1, 0; n < len(secret); n++ {
		k = m.next(k, secret[n])
		m.back[n+1] = k
	}
	return m
}

// next returns how much it is with one byte more, when it was n.
func (m *matcher) next(n int, c byte) int {
	for n > 0 && (n == len(m.secret) || m.secret[n] != c) {
		n = m.back[n]
	}
	if m.secret[n] == c {
		n++
	}
	return n
}

// from returns the text without what is hidden.
func (h *hidden) from(text string) string {
	if h.bytes == nil {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !h.bytes[i]:
			b.WriteByte(text[i])
		case i == 0 || !h.bytes[i-1]:
			b.WriteString(Mark)
		}
	}
	return b.String()
}
