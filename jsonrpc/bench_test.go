package jsonrpc

import "testing"

var call = []byte(`{"jsonrpc":"2.0","id":4711,"method":"tools/call","params":{"name":"forecast","arguments":{"city":"Oslo","days":3}}}`)

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(call)))
	for b.Loop() {
		if _, err := Parse(call); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	b.ReportAllocs()
	m := Message{ID: "4711", Result: []byte(`{"content":[{"type":"text","text":"{\"city\":\"Oslo\"}"}]}`)}
	buf := make([]byte, 0, 256)
	for b.Loop() {
		buf = m.Append(buf[:0])
	}
}

// Two strings are copied when a request is parsed, its id and its method, and
// nothing when a response is written to a buffer with room.
func TestAllocs(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Parse(call) }); n > 2 {
		t.Errorf("Parse: %v allocations, want 2 at most", n)
	}
	m := Message{ID: "4711", Result: []byte(`{}`)}
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buf = m.Append(buf[:0]) }); n > 0 {
		t.Errorf("Append: %v allocations, want none", n)
	}
}
