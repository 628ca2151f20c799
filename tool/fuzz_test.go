package tool_test

import (
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sessionmcp/sessionmcp/tool"
)

// FuzzBind holds Bind to its word that an error never tells a value: each value
// carries a mark that no name and no message has.
func FuzzBind(f *testing.F) {
	for _, query := range []string{
		"", "text=a&int=1&yes", "int=x&int8=300&uint=-1&float32=1e99&wait=5&addr=x&at=now", "ints=1&ints=&int_ptrs=9",
		"%zz=1", "text=%00&named=%ff", "tokens=&auth=%5Bredacted%5D", "trace=maybe&client_id=%0a",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query) // what parses of it
		var got kinds
		plain := tool.NewArgs(values).Bind(&got)
		if plain != nil && !strings.HasPrefix(plain.Error(), "connection arguments: ") {
			t.Errorf("a struct that binds did not: %v", plain)
		}
		const mark = "\u2063mark\u2063"
		for name := range values {
			for i := range values[name] {
				values[name][i] += mark
			}
		}
		if err := tool.NewArgs(values).Bind(&kinds{}); err != nil && strings.Contains(err.Error(), mark) {
			t.Errorf("the error tells a value: %v", err)
		}
	})
}

// FuzzParseSource looks for text that go/parser takes and this package does not
// understand.
func FuzzParseSource(f *testing.F) {
	for _, text := range []string{
		"package p", "package p; func () F() {}", "package p; func (a, b T) F() {}", "package p; func (*T[A]) F(int) {}",
		"package p; type T struct { *p.E; A, B int; struct{} }", "package p; type ( A = B; C[D any] []D )", "package _\nfunc F(...any)",
		"//line x.go:1\npackage p", "//line x.go:1\np", "package p; func (T.U) F()", "package tool_test; func Twin(in struct{}) {}",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := tool.ParseSource(fstest.MapFS{"a.go": {Data: []byte(text)}})
		if err != nil {
			if source != nil || !strings.Contains(err.Error(), "a.go") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		for _, fn := range []any{Twin, Documented, new(methods).Pointer} {
			// Not what it says, but that it comes back: the text may name no parameters.
			if made, err := tool.New(fn, tool.Comments(source)); err == nil {
				_ = made.Spec()
			}
		}
	})
}
