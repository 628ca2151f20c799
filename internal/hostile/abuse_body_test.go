package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
)

const pingText = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

// headOf is the head of a POST with a body that the caller sends.
func headOf(target, host string, header ...string) string {
	return "POST " + target + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(append(header, asJSON...), "\r\n") + "\r\n\r\n"
}

// TestAbuseBodies: a body that is too large, or not what its length says, has the
// status that the documents promise, and costs the server no more than
// [server.Limits.Message].
func TestAbuseBodies(t *testing.T) {
	p := startServer(t, targetOptions{Limits: server.Limits{Message: 1 << 20, Read: time.Second}})
	host := p.host()
	stillServes(t, "nothing", host)
	before := p.figures()
	const huge = 100 << 20
	chunks := fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("[", 64<<10))
	big := fmt.Sprintf("%x\r\n", int64(huge))
	for _, tt := range []struct {
		name   string
		header string
		body   io.Reader
		want   []int
	}{
		{"100 MiB", fmt.Sprint("Content-Length: ", huge), repeat(" ", huge), []int{413}},
		{"100 MiB of brackets", fmt.Sprint("Content-Length: ", huge), repeat("[", huge), []int{413}},
		{"100 MiB in small chunks", "Transfer-Encoding: chunked", repeat(chunks, huge), []int{413}},
		{"100 MiB in one chunk", "Transfer-Encoding: chunked", io.MultiReader(strings.NewReader(big), repeat("[", huge)), []int{413}},
		{"a length of 8 EiB", "Content-Length: 9223372036854775807", strings.NewReader("{}"), []int{413}},
		{"a length that is no int64", "Content-Length: 9223372036854775808", strings.NewReader("{}"), []int{400}},
		{"a negative length", "Content-Length: -1", strings.NewReader("{}"), []int{400}},
		{"a length with a sign", "Content-Length: +2", strings.NewReader("{}"), []int{400}},
		{"a hexadecimal length", "Content-Length: 0x2", strings.NewReader("{}"), []int{400}},
		{"less than there is", fmt.Sprint("Content-Length: ", len(pingText)-1), strings.NewReader(pingText), []int{400}},
		{"a byte less than the limit", fmt.Sprint("Content-Length: ", 1<<20), io.MultiReader(strings.NewReader(pingText), repeat(" ", 1<<20-int64(len(pingText)))), []int{200}},
		{"a byte more than the limit", fmt.Sprint("Content-Length: ", 1<<20+1), repeat(" ", 1<<20+1), []int{413}},
		{"no body", "Content-Length: 0", strings.NewReader(""), []int{400}},
		{"no length", "X-None: 1", strings.NewReader(""), []int{400}},
		{"an empty chunked body", "Transfer-Encoding: chunked", strings.NewReader("0\r\n\r\n"), []int{400}},
		{"chunks of one byte", "Transfer-Encoding: chunked", strings.NewReader(chunked(1, pingText)), []int{200}},
		{"a chunk of no size", "Transfer-Encoding: chunked", strings.NewReader("x\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk of a negative size", "Transfer-Encoding: chunked", strings.NewReader("-2\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk that overflows", "Transfer-Encoding: chunked", strings.NewReader("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"), []int{400}},
		{"a chunk longer than it says", "Transfer-Encoding: chunked", strings.NewReader("2\r\n{}}}}\r\n0\r\n\r\n"), []int{400}},
		{"an endless chunk extension", "Transfer-Encoding: chunked", io.MultiReader(strings.NewReader("1;"), repeat("x", 1<<20)), []int{400}},
		{"an endless trailer", "Transfer-Encoding: chunked", io.MultiReader(strings.NewReader("2\r\n{}\r\n0\r\n"), repeat("X-Y: z\r\n", 8<<20)), []int{400}},
	} {
		got := pour(t, host, io.MultiReader(strings.NewReader(headOf("/mcp", host, tt.header)), tt.body))
		wantStatus(t, tt.name, got, tt.want...)
		stillServes(t, tt.name, host)
	}
	// The message, its copies as it grows, and what the collector has not got to yet.
	if after := p.figures(); !raced && after.PeakRSS > before.PeakRSS+16<<20 {
		t.Errorf("bodies of up to %d MiB took the server from %d to %d MiB", huge>>20, before.PeakRSS>>20, after.PeakRSS>>20)
	}
}

// TestAbuseMissingBody: a client that announces a body and does not send it gets an
// answer within the time that the limits give it, whatever the server thought of
// its header; and the server does not wait for it any longer.
func TestAbuseMissingBody(t *testing.T) {
	p := startServer(t, targetOptions{Limits: server.Limits{Read: time.Second}})
	host := p.host()
	id := begin(t, host, "")
	before := p.figures()
	streams := openWithBody(t, host, id)
	var all sync.WaitGroup
	for _, tt := range []struct {
		method, target string
		header         []string
		want           int
	}{
		{"POST", "/mcp", asJSON, 400},
		{"POST", "/mcp", nil, 415},
		{"POST", "/mcp", []string{asJSON[0], "Content-Encoding: gzip"}, 415},
		{"POST", "/mcp", []string{asJSON[0], "Accept: image/png"}, 406},
		{"POST", "/mcp", []string{asJSON[0], "Origin: http://evil.example"}, 403},
		{"POST", "/nowhere", asJSON, 404},
		{"PUT", "/mcp", asJSON, 405},
		{"POST", "/messages/?session_id=x", asJSON, 404},
		{"DELETE", "/mcp", []string{"Mcp-Session-Id: " + id}, 400},
		{"OPTIONS", "/mcp", nil, 204},
		{"GET", "/healthz", nil, 200},
		{"GET", "/mcp", []string{"Mcp-Session-Id: " + id}, 400},
		{"GET", "/sse", nil, 400},
	} {
		for _, length := range []string{"Content-Length: 1000", "Transfer-Encoding: chunked"} {
			all.Go(func() {
				header := append([]string{length}, tt.header...)
				c := dial(t, host)
				_ = c.SetDeadline(time.Now().Add(patience))
				_, _ = io.WriteString(c, request(tt.method, tt.target, host, "", header...))
				in := bufio.NewReader(c)
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Errorf("%s %s %v: no answer: %v", tt.method, tt.target, header, err)
				} else if res.StatusCode != tt.want {
					t.Errorf("%s %s %v: got %s, want %d", tt.method, tt.target, header, res.Status, tt.want)
				}
				if _, err := io.Copy(io.Discard, in); err != nil {
					t.Errorf("%s %s %v: the connection stays open: %v", tt.method, tt.target, header, err)
				}
			})
		}
	}
	all.Wait()
	for _, works := range streams { // the time for a body has passed
		works()
	}
	stillServes(t, "bodies that did not come", host)
	settled(t, p, before)
}

// openWithBody opens streams with a body that nobody needs, and returns what proves
// that they still work, and closes them.
func openWithBody(t *testing.T, host, id string) (works []func()) {
	t.Helper()
	for _, tt := range []struct{ target, header, tells string }{
		{"/sse", "X-Y: z", `"result"`},
		{"/mcp", "Mcp-Session-Id: " + id, "notifications/"},
	} {
		c := dial(t, host)
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, request("GET", tt.target, host, "{}", tt.header))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("GET %s with a body: %v %v", tt.target, res, err)
		}
		lines := bufio.NewReader(res.Body)
		works = append(works, func() {
			switch tt.target {
			case "/sse":
				endpoint := lineWith(t, lines, "data: ")
				r := raw(t, host, request("POST", "/"+strings.TrimPrefix(endpoint, "data: "), host, pingText, asJSON...))
				wantStatus(t, "a ping", r, http.StatusAccepted)
			default:
				r := raw(t, host, post(host, `{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"mine://nobody"}}`, "Mcp-Session-Id: "+id))
				wantStatus(t, "a subscription", r, http.StatusOK)
				r = raw(t, host, post(host, `{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"touch"}}`, "Mcp-Session-Id: "+id))
				wantStatus(t, "an update", r, http.StatusOK)
			}
			lineWith(t, lines, tt.tells)
			c.Close()
		})
	}
	return works
}

// lineWith reads up to a line that has this in it.
func lineWith(t *testing.T, r *bufio.Reader, want string) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("no line with %q: %v", want, err)
		}
		if strings.Contains(line, want) {
			return strings.TrimSpace(line)
		}
	}
}

// settled waits until the server holds no more goroutines and files than before.
func settled(t testing.TB, p *process, before figures) {
	t.Helper()
	var now figures
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if now = p.figures(); now.Goroutines <= before.Goroutines+1 && now.FDs <= before.FDs+1 {
			return
		}
	}
	t.Errorf("the server holds %d goroutines and %d files, and held %d and %d", now.Goroutines, now.FDs, before.Goroutines, before.FDs)
}
