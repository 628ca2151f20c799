package server

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// FuzzSeal: what is sealed opens again as it was, for what it was bound to and with
// the same key alone; and of what a client can make of it, or make up, nothing
// opens.
func FuzzSeal(f *testing.F) {
	f.Add([]byte(`{"id":"x"}`), []byte("one"), []byte("two"), "AAAA", uint(7), byte('A'))
	f.Add([]byte{}, []byte{}, []byte{0}, "\n", uint(0), byte('='))
	f.Add([]byte("long"), []byte("a"), []byte("a"), strings.Repeat("A", 100), uint(1000), byte(0))
	ours, err := newSeal([]byte(strings.Repeat("k", 32)))
	theirs, err2 := newSeal([]byte(strings.Repeat("K", 32)))
	if err != nil || err2 != nil {
		f.Fatal(err, err2)
	}
	f.Fuzz(func(t *testing.T, text, binding, other []byte, madeUp string, at uint, with byte) {
		sealed := ours.close(text, binding)
		if back, err := ours.open(sealed, binding); err != nil || !bytes.Equal(back, text) {
			t.Fatalf("%q becomes %q, %v", text, back, err)
		}
		if !bytes.Equal(binding, other) {
			if _, err := ours.open(sealed, other); err == nil {
				t.Fatalf("what is bound to %q opens for %q", binding, other)
			}
		}
		if _, err := theirs.open(sealed, binding); err == nil {
			t.Fatal("it opens with another key")
		}
		if sealed == ours.close(text, binding) {
			t.Fatal("the same text is sealed to the same")
		}
		i := int(at % uint(len(sealed)))
		for _, changed := range []string{
			madeUp, sealed[:i], sealed[:i] + string(with) + sealed[i:], sealed[:i] + string(with) + sealed[i+1:], sealed + "A", sealed[:len(sealed)-1] + "_",
		} {
			if strings.NewReplacer("\n", "", "\r", "").Replace(changed) == sealed { // of line breaks base64 takes no notice
				continue
			}
			if b, err := ours.open(changed, binding); err == nil {
				t.Fatalf("%q, which is %q changed, opens as %q", changed, sealed, b)
			}
		}
	})
}

// FuzzCursor: whoever follows the cursors of a list, while things are added to it
// and taken from it, gets each item once that was there all the time, in order; a
// cursor that was made up is refused, or is another way to write one that leads on.
func FuzzCursor(f *testing.F) {
	f.Add("dG9vbHM6MQ", byte(3), []byte{0, 0, 1, 2, 0x80, 0x83})
	f.Add("cHJvbXB0czox", byte(1), []byte{5, 4, 3, 0xff})
	f.Add("dG9vbHM6MQ==\n", byte(0), []byte{})
	f.Add(base64.RawURLEncoding.EncodeToString([]byte("tools:1y2p0ij32e8e7")), byte(2), []byte{1})
	rev := revisions[3]
	f.Fuzz(func(t *testing.T, madeUp string, size byte, steps []byte) {
		r := &registry[string]{kind: kind[string]{
			list: "tools", one: "tool", key: func(s string) string { return s },
			append: func(dst []byte, _ *revision, s string) ([]byte, error) {
				return append(append(append(dst, '"'), s...), '"'), nil
			},
		}}
		page := int(size%5) + 1
		stays := map[string]bool{}
		for i := range 12 {
			name := fmt.Sprintf("item%02d", i)
			stays[name] = true
			if err := r.add(name); err != nil {
				t.Fatal(err)
			}
		}
		if items, _, err := r.page(rev, madeUp, page); err == nil && madeUp != "" {
			var seq int
			b, _ := base64.RawURLEncoding.DecodeString(madeUp)
			digits, ours := strings.CutPrefix(string(b), "tools:")
			if n, err := strconv.ParseInt(digits, 36, 64); err == nil {
				seq = int(min(n, 12))
			}
			if !ours || seq < 12 != strings.HasPrefix(string(items), fmt.Sprintf(`"item%02d"`, seq)) {
				t.Fatalf("the cursor %q leads to %s", madeUp, items)
			}
		}
		got := followed(t, r, rev, page, func(n int) {
			if n >= len(steps) {
				return
			}
			name := fmt.Sprintf("item%02d", steps[n]%24)
			if steps[n] < 0x80 {
				_ = r.add(name) // unless it is there
			} else if r.remove(name) {
				delete(stays, name)
			}
		})
		got = slices.DeleteFunc(got, func(name string) bool { return !stays[name] })
		if want := slices.Sorted(maps.Keys(stays)); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// followed returns what is on the pages of a list, all in a row; something else
// happens behind each.
func followed(t *testing.T, r *registry[string], rev *revision, size int, meanwhile func(page int)) (all []string) {
	cursor := ""
	for n := 0; n == 0 || cursor != ""; n++ {
		items, next, err := r.page(rev, cursor, size)
		if err != nil || n > 200 {
			t.Fatalf("page %d behind %q: %v", n, cursor, err)
		}
		var page []string
		if len(items) > 0 {
			page = strings.Split(strings.ReplaceAll(string(items), `"`, ""), ",")
		}
		if len(page) == 0 && next != "" || len(page) > size {
			t.Fatalf("a page of %d is %s, and goes on", size, items)
		}
		all, cursor = append(all, page...), next
		meanwhile(n)
	}
	return all
}
