package transport

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	sse "github.com/tmaxmax/go-sse"
)

// What is no URL is refused without being repeated.
func TestLinkURL(t *testing.T) {
	for _, address := range []string{"", "localhost:8080/mcp", "http://", "ftp://h/secret", "http://h:secret", "http://h/%zsecret", "http://u:secret@h h/", ":secret"} {
		_, err := OpenHTTP(address, nil, LinkOptions{})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
		if l, err := OpenSSE(t.Context(), address, nil, LinkOptions{}); l != nil || err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// A redirect is followed within the origin, and does not change what is sent.
func TestLinkRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s came to another origin", r.Method)
	}))
	defer other.Close()
	for _, tt := range []struct {
		status int
		to     string
		says   string // "" is that it is followed
	}{
		{307, "/mcp/?key=1", ""},
		{308, "mcp/", ""},
		{301, "/mcp/?secret", "redirects a POST with 301"},
		{302, "/mcp/?secret", "redirects a POST with 302"},
		{303, "/mcp/?secret", "redirects a POST with 303"},
		{307, other.URL + "/mcp/?secret", "to another origin: connect to " + other.URL},
		{308, "https://evil.example/?secret", "connect to https://evil.example if"},
		{307, "http://[secret", "what is no URL"},
		{304, "", "304 Not Modified"},
		{307, "/mcp?secret", "stopped after 10 redirects"},
	} {
		f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/mcp/" {
				if text := body(r); r.Method != http.MethodPost || text != note || r.Header.Get("X-Key") != "secret" {
					t.Errorf("%s %s with %v", r.Method, text, r.Header)
				}
				w.WriteHeader(http.StatusAccepted)
				return
			}
			w.Header().Set("Location", tt.to)
			w.WriteHeader(tt.status)
		})
		l := f.dial("/mcp?auth=secret", LinkOptions{Header: http.Header{"X-Key": {"secret"}}})
		err := l.Send(t.Context(), &Outbound{Message: message(t, note)})
		switch {
		case tt.says == "" && err != nil:
			t.Errorf("%d to %s: %v", tt.status, tt.to, err)
		case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "secret")):
			t.Errorf("%d to %s: %v, want %s", tt.status, tt.to, err, tt.says)
		}
	}
}

// What a server repeats of the secrets that it was sent is in no error.
func TestLinkSecrets(t *testing.T) {
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(404)
		password, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), " ")
		fmt.Fprintf(w, "nothing at %s (%s) for %s or %s", r.URL, r.URL.Query().Get("auth"), r.Header.Get("Authorization"), password)
	})
	l := f.dial("/mcp?x=1&auth=se%20cret", LinkOptions{Header: http.Header{"Authorization": {"Bearer tokentoken"}}})
	err := l.Send(t.Context(), &Outbound{Message: message(t, note)})
	if want := "the server answered 404 Not Found: nothing at /mcp?[redacted] ([redacted]) for [redacted] or [redacted]"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	said := rpcSecret(t)
	if want := "the server answered 400 Bad Request: no key [redacted]"; said.Error() != want || !strings.HasPrefix(said.Unwrap().Error(), "no key [redacted] (") {
		t.Errorf("%v (%v), want %s", said, said.Unwrap(), want)
	}
}

// rpcSecret returns what a JSON-RPC error that holds a secret is told as.
func rpcSecret(t *testing.T) *StatusError {
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		answerJSON(w, 400, `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no key `+r.URL.Query().Get("auth")+`"}}`)
	})
	err := f.dial("/mcp?auth=12345", LinkOptions{}).Send(t.Context(), &Outbound{Message: message(t, note)})
	e, _ := errors.AsType[*StatusError](err)
	if e == nil {
		t.Fatal(err)
	}
	return e
}

func TestEventReader(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"":                               0,
		"retry: 500\n":                   500 * time.Millisecond,
		"retry:7\rretry: x\r\n":          7 * time.Millisecond,
		"\n\nretry: 500\r\n\r\n":         500 * time.Millisecond,
		"retry: 1\nretry: 2\n\n":         2 * time.Millisecond,
		"retry: -1\n\nretry: +1\n\n":     0,
		" retry: 1\ndata: retry: 1\n\n":  0,
		"retry: 1":                       0,
		"retry: 99999999999999\n":        24 * time.Hour,
		"retry: 99999999999999999999\n":  0,
		"retry: 0000000000000000000005 ": 0,
	} {
		for _, from := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			r := &eventReader{from: from}
			if _, err := io.ReadAll(r); err != nil || r.retry != want || r.asked != (want > 0) {
				t.Errorf("%q: %s, %t, %v, want %s", text, r.retry, r.asked, err, want)
			}
		}
	}
}

// An event is passed on as soon as it has ended.
func TestEventReaderWaitsForNothing(t *testing.T) {
	for _, newline := range []string{"\n", "\r\n", "\r"} {
		r, w := io.Pipe()
		got := make(chan string)
		go func() {
			defer close(got)
			web := &web{limit: 1000}
			for e := range web.events(&eventReader{from: r}) {
				got <- e.Data
			}
		}()
		for _, text := range []string{"data: 1||", ": c||data: 2||d", "ata: 3|", "|"} {
			if _, err := io.WriteString(w, strings.ReplaceAll(text, "|", newline)); err != nil {
				t.Fatal(err)
			}
			if text == "ata: 3|" {
				continue
			}
			await(t, got)
		}
		w.Close()
		if last, more := <-got; more {
			t.Errorf("there is %q as well", last)
		}
	}
}

// pieces reads a text in pieces of a size each.
type pieces struct {
	text string
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(p.size, len(p.text))])
	p.text = p.text[n:]
	return n, nil
}

// FuzzEventReader: the events are those that go-sse finds, however the stream is
// cut into pieces.
func FuzzEventReader(f *testing.F) {
	for _, s := range []string{
		"id: a\ndata:\n\n", "retry: 500\nid: a\r\ndata: x\r\n\r\n", "data: x\rdata: y\r\rdata: z\r\r\n", "\xef\xbb\xbfdata: x\n\n",
		":\n\n:\n\ndata\n\nevent: e\nid\n\n", "data: half\n",
	} {
		f.Add(s, 1)
		f.Add(s, 7)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		size = max(size%5000, 1)
		read := func(seq func(func(sse.Event, error) bool)) (events []sse.Event) {
			for e, err := range seq {
				if err == nil {
					events = append(events, e)
				}
			}
			return events
		}
		want := read(sse.Read(strings.NewReader(text), &sse.ReadConfig{MaxEventSize: 1 << 20}))
		got := read((&web{limit: 1 << 20}).events(&eventReader{from: &pieces{text, size}}))
		if !slices.Equal(got, want) {
			t.Errorf("%q in pieces of %d: %+v, want %+v", text, size, got, want)
		}
	})
}
