package hostile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sessionmcp/sessionmcp/server"
)

// lines is a client on standard input and output.
type lines struct {
	t    *testing.T
	in   *io.PipeWriter
	out  *bufio.Reader
	n    int
	done chan error
}

// serveLines serves a client on streams in this process.
func serveLines(t *testing.T, limits server.Limits) *lines {
	t.Helper()
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	l := &lines{t: t, in: toServer, out: bufio.NewReaderSize(fromServer, 1<<20), done: make(chan error, 1)}
	s := newTarget(targetOptions{Limits: limits}, quiet)
	go func() {
		err := s.ServeStreams(t.Context(), in, out, nil)
		out.Close()
		l.done <- err
	}()
	t.Cleanup(func() { toServer.Close(); fromServer.Close() })
	l.settle("initialize", strings.NewReader(initialize("2025-11-25")+"\n"))
	return l
}

// next reads a line, which has to be a message.
func (l *lines) next() (text string) {
	l.t.Helper()
	text, err := l.out.ReadString('\n')
	if err != nil {
		l.t.Fatalf("the server writes no more: %v", err)
	}
	if !json.Valid([]byte(text)) || !utf8.ValidString(text) || strings.Contains(text, "\r") {
		l.t.Errorf("no message: %.300q", text)
	}
	return text
}

// settle sends a text and a call behind it, and reads up to the answer of that. It
// returns what came before.
func (l *lines) settle(what string, text io.Reader) (before []string) {
	l.t.Helper()
	l.n++
	id := fmt.Sprintf(`"settle %d"`, l.n)
	call := `{"jsonrpc":"2.0","id":` + id + `,"method":"tools/call","params":{"name":"echo","arguments":{"text":"well"}}}` + "\n"
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(l.in, io.MultiReader(text, strings.NewReader(call)))
		sent <- err
	}()
	defer func() {
		if err := <-sent; err != nil {
			l.t.Fatalf("after %s the server reads no more: %v", what, err)
		}
	}()
	for {
		text := l.next()
		if strings.Contains(text, `"id":`+id) {
			if !strings.Contains(text, `"text":"well"`) {
				l.t.Fatalf("after %s a call is answered with %.300s", what, text)
			}
			return before
		}
		before = append(before, text)
	}
}

// end ends the input, and returns how the serving ended.
func (l *lines) end() error {
	l.in.Close()
	go func() { _, _ = io.Copy(io.Discard, l.out) }()
	return <-l.done
}

// TestAbuseLines: whatever stands in a line of standard input, the connection goes
// on, and what is answered is one message a line.
func TestAbuseLines(t *testing.T) {
	l := serveLines(t, server.Limits{})
	values := hostileValues()
	for place, text := range places() {
		if place == "the whole body" || strings.Contains(place, "listen") {
			text = "%s"
		}
		for value, raw := range values {
			l.settle(place+" is "+value, strings.NewReader(strings.Replace(text, "%s", raw, 1)+"\n"))
		}
	}
	for _, line := range []string{"", " ", "\r", "\x00", "\ufeff", "\xff\xfe{\x00}\x00", "Content-Length: 2\r\n\r\n{}", "GET / HTTP/1.1", "{}{}", pingText + pingText, "[]", "[[]]", "\x1b[2J"} {
		l.settle(fmt.Sprintf("%q", line), strings.NewReader(line+"\n"))
	}
	if err := l.end(); err != nil {
		t.Errorf("the end of the input: %v", err)
	}
}

// TestAbuseLongLine: a line of any length takes no more memory than a message may
// have, is answered once, and what follows it is served; also where the input ends
// in it.
func TestAbuseLongLine(t *testing.T) {
	const huge = 100 << 20
	l := serveLines(t, server.Limits{Message: 1 << 20})
	most := watchHeap(t)
	texts := []string{"x", "\x00", "[", "\xff", " ", "{\"a\":", "\r"}
	var said []string
	for _, text := range texts {
		said = append(said, l.settle("a long line", io.MultiReader(repeat(text, huge), strings.NewReader("\n")))...)
	}
	for len(said) < len(texts) { // what is said of a line may come after the answer to the next
		said = append(said, l.next())
	}
	for _, text := range said {
		if !strings.Contains(text, "larger than 1048576 bytes") {
			t.Errorf("100 MiB in a line: %.300q", text)
		}
	}
	// The line as far as it is kept, its answer, and what the test itself sends.
	if grown := most(); !raced && grown > 12<<20 {
		t.Errorf("lines of %d MiB took %d MiB", huge>>20, grown>>20)
	}
	go func() {
		_, _ = io.Copy(l.in, repeat("x", huge)) // or the answer below does not come
		l.in.Close()
	}()
	if text := l.next(); !strings.Contains(text, "larger than 1048576 bytes") {
		t.Errorf("a line that does not end: %.300s", text)
	}
	if err := l.end(); err != nil {
		t.Errorf("the end of the input: %v", err)
	}
}

// watchHeap returns what tells by how much the heap has grown at most, as seen each
// time it was asked to look.
func watchHeap(t *testing.T) (most func() uint64) {
	t.Helper()
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	return func() uint64 {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		return max(now.HeapSys, before.HeapSys) - before.HeapSys
	}
}

// TestAbuseLinesFlood: a client on standard input that sends and does not read, and
// then reads, gets all answers, and meanwhile the server reads no further than it has
// to.
func TestAbuseLinesFlood(t *testing.T) {
	l := serveLines(t, server.Limits{Calls: 8})
	const n = 20000
	var sent bytes.Buffer
	for i := range n {
		fmt.Fprintf(&sent, `{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"%[1]d"}}}`+"\n", i)
		fmt.Fprintf(&sent, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"none %d"}}`+"\n", i)
	}
	go func() { _, _ = sent.WriteTo(l.in) }()
	answered := make(map[string]bool)
	for range n {
		var m struct{ ID json.RawMessage }
		if err := json.Unmarshal([]byte(l.next()), &m); err != nil {
			t.Fatal(err)
		}
		answered[string(m.ID)] = true
	}
	if len(answered) != n {
		t.Errorf("%d of %d are answered", len(answered), n)
	}
	l.settle("a flood", strings.NewReader(""))
	if err := l.end(); err != nil {
		t.Errorf("the end of the input: %v", err)
	}
}
