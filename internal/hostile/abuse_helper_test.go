package hostile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// stillServes proves that a client that means well is served, in a session and
// without one.
func stillServes(t testing.TB, what, host string) {
	t.Helper()
	const text = `{"name":"echo","arguments":{"text":"well"}}`
	id := begin(t, host, "")
	for _, text := range []string{
		post(host, `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":`+text+`}`, "Mcp-Session-Id: "+id),
		post(host, stateless("tools/call", `"name":"echo","arguments":{"text":"well"}`), named("tools/call", "echo")...),
	} {
		if r := raw(t, host, text); r.status != http.StatusOK || !strings.Contains(r.body, `"text":"well"`) {
			t.Fatalf("after %s a client that means well gets %d %.200s", what, r.status, r.body)
		}
	}
	if r := raw(t, host, request("DELETE", "/mcp", host, "", "Mcp-Session-Id: "+id)); r.status != http.StatusNoContent {
		t.Fatalf("after %s a session does not end: %d %.200s", what, r.status, r.body)
	}
}

// pour sends what a reader gives on a connection of its own and meanwhile reads
// one answer: a server may refuse what it has not read. The answer may be lost when
// it closes the connection, where more was sent than it wants; status 0 then.
func pour(t testing.TB, host string, text io.Reader) reply {
	t.Helper()
	c := dial(t, host)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.Copy(struct{ io.Writer }{c}, text) // the server may refuse the rest
	}()
	r := readReply(t, bufio.NewReader(c))
	c.Close()
	<-sent
	return r
}

// rawHead is raw for an answer whose body may have no end, of which some is read.
func rawHead(t testing.TB, host, text string) (r reply) {
	t.Helper()
	c := dial(t, host)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, text)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return r
	}
	body := make([]byte, 4096) // closing it would read on
	n, _ := res.Body.Read(body)
	return reply{res.StatusCode, res.Header, string(body[:n])}
}

// some is so many, or fewer where the race detector makes each of them slow.
func some(n int) int {
	if raced {
		return n / 8
	}
	return n
}

// repeat is so many bytes of the same text, which are nowhere at once.
func repeat(text string, size int64) io.Reader {
	block := []byte(strings.Repeat(text, max(1, 64<<10/len(text))))
	return io.LimitReader(&repeater{block: block}, size)
}

type repeater struct {
	block []byte
	at    int
}

func (r *repeater) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// chunked writes a text as chunks of a body, and their end.
func chunked(size int, text string) string {
	var b strings.Builder
	for len(text) > 0 {
		n := min(size, len(text))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, text[:n])
		text = text[n:]
	}
	return b.String() + "0\r\n\r\n"
}

// converse sends requests on one connection, one after another, and returns the
// answers; fewer if the server closes it.
func converse(t testing.TB, host string, requests ...string) (replies []reply) {
	t.Helper()
	c := dial(t, host)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(c)
	for _, text := range requests {
		_, _ = io.WriteString(c, text)
		r := readReply(t, in)
		if r.status == 0 {
			break
		}
		replies = append(replies, r)
	}
	return replies
}

// messages returns the JSON texts of an answer: its body, or the data of its
// events, which have to be JSON and framed as they should be.
func messages(t testing.TB, what string, r reply) (texts []string) {
	t.Helper()
	if !strings.HasPrefix(r.header.Get("Content-Type"), "text/event-stream") {
		if r.body != "" {
			texts = append(texts, r.body)
		}
	} else {
		for event := range strings.SplitSeq(strings.TrimSuffix(r.body, "\n\n"), "\n\n") {
			if text := eventData(t, what, event); text != "" {
				texts = append(texts, text)
			}
		}
	}
	for _, text := range texts {
		if !json.Valid([]byte(text)) {
			t.Errorf("%s: the answer is no JSON: %.200q", what, text)
		}
	}
	return texts
}

// eventData returns the data of one event, whose lines have to be those that the
// server writes.
func eventData(t testing.TB, what, event string) (data string) {
	t.Helper()
	if strings.ContainsAny(event, "\r\x00") {
		t.Errorf("%s: an event with a control character: %.200q", what, event)
	}
	for line := range strings.SplitSeq(event, "\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "data":
			if data != "" {
				t.Errorf("%s: an event of several lines: %.200q", what, event)
			}
			data = value
		case name == "event" && value == "message", name == "event" && value == "endpoint", name == "":
		case name == "id" && !strings.ContainsAny(value, " {:"):
		case name == "retry" && strings.Trim(value, "0123456789") == "":
		default:
			if event != "" {
				t.Errorf("%s: a line that the server has no reason to write: %.200q", what, line)
			}
		}
	}
	return data
}

// answerTo checks that the one response of an answer is to the request with this
// raw id, and returns it.
func answerTo(t testing.TB, what, id string, r reply) (m struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}) {
	t.Helper()
	texts := messages(t, what, r)
	if len(texts) == 0 {
		t.Errorf("%s: no answer, status %d", what, r.status)
		return m
	}
	if err := json.Unmarshal([]byte(texts[len(texts)-1]), &m); err != nil {
		t.Errorf("%s: %v: %.200s", what, err, r.body)
	}
	if !bytes.Equal(bytes.TrimSpace(m.ID), []byte(id)) {
		t.Errorf("%s: an answer to %.100s, want one to %.100s: %.200s", what, m.ID, id, r.body)
	}
	return m
}

// halfClose says that nothing more will be sent.
func halfClose(t testing.TB, c net.Conn) {
	t.Helper()
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
}
