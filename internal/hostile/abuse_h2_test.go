package hostile

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
)

// Frames of HTTP/2, and their flags (RFC 9113, section 6).
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameContinuation = 0, 1, 3, 4, 6, 9
	endStream, endHeaders                                                            = 1, 4
)

// frame is the bytes of one frame.
func frame(kind, flags byte, stream uint32, payload string) string {
	head := make([]byte, 9, 9+len(payload))
	binary.BigEndian.PutUint32(head, uint32(len(payload))<<8|uint32(kind))
	head[4] = flags
	binary.BigEndian.PutUint32(head[5:], stream)
	return string(append(head, payload...))
}

// fields is a block of headers, each written out (RFC 7541, section 6.2.2), of up to
// 126 bytes.
func fields(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteByte(0)
		for _, text := range pairs[i : i+2] {
			b.WriteByte(byte(len(text)))
			b.WriteString(text)
		}
	}
	return b.String()
}

// h2Post is the headers of a POST to /mcp.
func h2Post(host string) string {
	return fields(":method", "POST", ":scheme", "https", ":path", "/mcp", ":authority", host,
		"content-type", "application/json", "accept", "application/json, text/event-stream",
		"mcp-protocol-version", "2026-07-28", "mcp-method", "tools/call", "mcp-name", "sleep")
}

// h2Target is a server of HTTP/2 that counts what it serves.
type h2Target struct {
	*httptest.Server
	host   string
	active atomic.Int64 // handlers
	ran    atomic.Int64
}

func startH2(t *testing.T, limits server.Limits) *h2Target {
	t.Helper()
	h := new(h2Target)
	inner := newTarget(targetOptions{Limits: limits}, quiet).Handler()
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.active.Add(1)
		h.ran.Add(1)
		defer h.active.Add(-1)
		inner.ServeHTTP(w, r)
	}))
	h.EnableHTTP2 = true
	h.Config.ErrorLog = noLog
	h.StartTLS()
	h.host = h.Listener.Addr().String()
	t.Cleanup(func() {
		h.CloseClientConnections()
		h.Close()
	})
	return h
}

// dial opens a connection of HTTP/2 by hand, and reads what the server sends, or
// nothing of it.
func (h *h2Target) dial(t *testing.T, reads bool) net.Conn {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	c, err := tls.Dial("tcp", h.host, &tls.Config{RootCAs: roots, ServerName: "example.com", NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(frameSettings, 0, 0, ""))
	if reads {
		go func() { _, _ = io.Copy(io.Discard, c) }()
	}
	return c
}

// rest waits until no handler runs any more.
func (h *h2Target) rest(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); h.active.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d handlers still run", h.active.Load())
		}
	}
}

// meanwhile has a client that means well make calls while f attacks: all of them are
// answered, and right.
func (h *h2Target) meanwhile(t *testing.T, f func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan int)
	go func() {
		calls := 0
		defer func() { done <- calls }()
		for {
			body := stateless("tools/call", `"name":"echo","arguments":{"text":"well"}`)
			req, _ := http.NewRequest("POST", h.URL+"/mcp", strings.NewReader(body))
			req.Header = http.Header{"Content-Type": {"application/json"}, "Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {"echo"}}
			res, err := h.Client().Do(req)
			if err != nil {
				t.Errorf("a client that means well: %v", err)
				return
			}
			text, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.ProtoMajor != 2 || !strings.Contains(string(text), `"text":"well"`) {
				t.Errorf("a client that means well gets %s %.200s %v", res.Status, text, err)
				return
			}
			calls++
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	f()
	close(stop)
	if calls := <-done; calls == 0 {
		t.Error("no call of a client that means well was made")
	}
}

// TestAbuseRapidReset: streams of HTTP/2 that are opened and reset at once leave no
// handler behind, and keep nobody out.
func TestAbuseRapidReset(t *testing.T) {
	h := startH2(t, server.Limits{})
	const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientCapabilities":{}},"name":"sleep","arguments":{"ms":600000}}}`
	for name, data := range map[string]string{
		"before the body":          "",
		"in the body":              body[:20],
		"in the call":              body,
		"in the call, many frames": body,
	} {
		h.meanwhile(t, func() {
			for range often(4, 40) {
				c := h.dial(t, true)
				for i := range 2000 {
					stream := uint32(2*i + 1)
					text := frame(frameHeaders, endHeaders, stream, h2Post(h.host))
					if data != "" && !strings.HasSuffix(name, "frames") {
						text += frame(frameData, 0, stream, data)
					} else {
						for j := 0; j < len(data); j += 50 {
							text += frame(frameData, 0, stream, data[j:min(j+50, len(data))])
						}
					}
					if data == body {
						text += frame(frameData, endStream, stream, "")
					}
					if _, err := io.WriteString(c, text+frame(frameReset, 0, stream, "\x00\x00\x00\x08")); err != nil {
						break // the server has had enough
					}
				}
				c.Close()
			}
		})
		h.rest(t)
	}
	if h.ran.Load() < 100 {
		t.Errorf("%d handlers ran: too few to prove anything", h.ran.Load())
	}
}

// TestAbuseFrames: frames of HTTP/2 without end, and a client that lets nothing
// through, end with their connection, and keep nobody out.
func TestAbuseFrames(t *testing.T) {
	h := startH2(t, server.Limits{Write: time.Second, Read: time.Second})
	flood := func(c net.Conn, text string, n int) {
		text = strings.Repeat(text, 1000)
		for range n / 1000 {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
	big := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientCapabilities":{}},"name":"big","arguments":{"bytes":1000000}}}`
	bigHead := strings.Replace(h2Post(h.host), "\x05sleep", "\x03big", 1)
	h.meanwhile(t, func() {
		flood(h.dial(t, false), frame(framePing, 0, 0, "12345678"), 1e5)
		flood(h.dial(t, false), frame(frameSettings, 0, 0, ""), 1e5)
		flood(h.dial(t, true), frame(framePing, 0, 0, "12345678"), 1e5)
		c := h.dial(t, true) // headers without end
		_, _ = io.WriteString(c, frame(frameHeaders, 0, 1, h2Post(h.host)))
		flood(c, frame(frameContinuation, 0, 1, fields("x-y", strings.Repeat("z", 100))), 1e5)
		c = h.dial(t, true) // a body that does not come
		for i := range 100 {
			_, _ = io.WriteString(c, frame(frameHeaders, endHeaders, uint32(2*i+1), h2Post(h.host)))
		}
		c = h.dial(t, true) // answers that it lets nobody send
		_, _ = io.WriteString(c, frame(frameSettings, 0, 0, "\x00\x04\x00\x00\x00\x00"))
		for i := range 100 {
			stream := uint32(2*i + 1)
			_, _ = io.WriteString(c, frame(frameHeaders, endHeaders, stream, bigHead)+frame(frameData, endStream, stream, big))
		}
		h.rest(t) // with the times that the limits give them
	})
	h.rest(t)
}
