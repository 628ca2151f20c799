package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAbuseSmuggling: where a body ends cannot be said in two ways. Of each shape
// either the request is refused and the connection closed, or there are as many
// answers as the one reading that HTTP allows has requests.
func TestAbuseSmuggling(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	session := "Mcp-Session-Id: " + begin(t, host, "")
	hidden := request("DELETE", "/mcp", host, "", session)
	chunks := chunked(7, pingText)
	size := func(n int) string { return fmt.Sprint("Content-Length: ", n) }
	const te = "Transfer-Encoding: chunked"
	for _, tt := range []struct {
		name   string
		header []string
		body   string
		want   []int // of the answers, in order
	}{
		{"a length", []string{size(len(pingText))}, pingText, []int{200}},
		{"two lengths that are equal", []string{size(len(pingText)), size(len(pingText))}, pingText, []int{200}},
		{"two lengths", []string{size(len(pingText)), size(len(pingText + hidden))}, pingText + hidden, []int{400}},
		{"two lengths in one", []string{fmt.Sprintf("%s, %d", size(len(pingText)), len(pingText+hidden))}, pingText + hidden, []int{400}},
		{"chunks", []string{te}, chunks, []int{200}},
		{"a length beside chunks, which is short", []string{size(3), te}, chunks, []int{200}},
		{"a length beside chunks, which is long", []string{te, size(len(chunks) + 500)}, chunks, []int{200}},
		{"chunked twice", []string{te, te}, chunks, []int{400, 501}},
		{"chunked twice in one", []string{te + ", chunked"}, chunks, []int{400, 501}},
		{"chunked and something", []string{te, "Transfer-Encoding: identity"}, chunks, []int{400, 501}},
		{"something chunked", []string{"Transfer-Encoding: gzip, chunked"}, chunks, []int{501}},
		{"something", []string{"Transfer-Encoding: xchunked", size(len(pingText))}, pingText, []int{501}},
		{"identity", []string{"Transfer-Encoding: identity", size(len(pingText))}, pingText, []int{501}},
		{"nothing", []string{"Transfer-Encoding: ", size(len(pingText))}, pingText, []int{400, 501}},
		{"a space before the colon", []string{"Transfer-Encoding : chunked"}, chunks, []int{400}},
		{"a tab before chunked", []string{"Transfer-Encoding:\tchunked"}, chunks, []int{200}},
		{"a vertical tab before chunked", []string{"Transfer-Encoding:\vchunked"}, chunks, []int{400, 501}},
		{"chunked, quoted", []string{`Transfer-Encoding: "chunked"`}, chunks, []int{400, 501}},
		{"a carriage return in it", []string{"X: y\rTransfer-Encoding: chunked", size(len(pingText))}, pingText, []int{400}},
		{"a line that goes on", []string{"Transfer-Encoding:\r\n chunked"}, chunks, []int{200, 400, 501}},
		{"a length that goes on", []string{"Content-Length:\r\n " + fmt.Sprint(len(pingText))}, pingText, []int{200, 400}},
		{"a length that goes on with another", []string{size(len(pingText)), " 0"}, pingText, []int{400}},
		{"a length with space around", []string{fmt.Sprintf("Content-Length: \t %d \t", len(pingText))}, pingText, []int{200}},
		{"a length of two words", []string{fmt.Sprintf("Content-Length: %d 0", len(pingText))}, pingText, []int{400}},
		{"an underscore", []string{"Content_Length: 3", size(len(pingText))}, pingText, []int{200}},
		{"a session in a trailer", []string{te, "Trailer: Mcp-Session-Id"}, chunks[:len(chunks)-2] + "Mcp-Session-Id: x\r\n\r\n", []int{200}},
		{"a chunk's size in underscores", []string{te}, "1_0\r\n" + pingText, []int{400}},
		{"a chunk's size with a sign", []string{te}, "+" + chunks, []int{400}},
		{"a chunk that ends with a line feed", []string{te}, strings.ReplaceAll(chunks, "\r\n", "\n"), []int{200, 400}},
	} {
		text := request("POST", "/mcp", host, "", append(append([]string{session}, asJSON...), tt.header...)...) + tt.body + "\r\n"
		got := all(t, host, text)
		if len(got) == 0 {
			t.Errorf("%s: no answer", tt.name)
			continue
		}
		wantStatus(t, tt.name, reply{status: got[0], body: "-"}, tt.want...)
		if len(got) > 1 {
			t.Errorf("%s: %d answers, want one: %v", tt.name, len(got), got)
		}
		if r := raw(t, host, post(host, pingText, session)); r.status != http.StatusOK { // or what was hidden ended it
			t.Fatalf("after %s the session gets %d %.200s", tt.name, r.status, r.body)
		}
	}
	stillServes(t, "shapes", host)
}

// all sends a text, says that there is no more, and returns the status of each answer.
func all(t *testing.T, host, text string) (status []int) {
	t.Helper()
	c := dial(t, host)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, text)
	halfClose(t, c)
	in := bufio.NewReader(c)
	for {
		r := readReply(t, in)
		if r.status == 0 {
			return status
		}
		status = append(status, r.status)
	}
}

// TestAbuseVersions: what is no HTTP/1.1 is served or refused, as it has to be.
func TestAbuseVersions(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	old := fmt.Sprintf("POST /mcp HTTP/1.0\r\nHost: %s\r\n%s\r\nContent-Length: %d\r\n\r\n%s", host, strings.Join(asJSON, "\r\n"), len(pingText), pingText)
	for _, tt := range []struct {
		name, text string
		want       []int // 0 is that the connection is closed without an answer
	}{
		{"HTTP/1.0", old, []int{200}},
		{"HTTP/1.0 without a Host", strings.Replace(old, "Host: "+host+"\r\n", "", 1), []int{403}},
		{"HTTP/1.0 with chunks", "POST /mcp HTTP/1.0\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n" + asJSON[0] + "\r\n\r\n" + chunked(9, pingText), []int{400, 501}},
		{"HTTP/1.1 without a Host", "GET /healthz HTTP/1.1\r\n\r\n", []int{400}},
		{"HTTP/1.2", "GET /healthz HTTP/1.2\r\nHost: " + host + "\r\n\r\n", []int{200, 505}},
		{"HTTP/0.9", "GET /healthz\r\n\r\n", []int{400}},
		{"HTTP/2 without having asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []int{400, 505, 0}},
		{"HTTP/2 in the words of HTTP/1", "GET /healthz HTTP/2.0\r\nHost: " + host + "\r\n\r\n", []int{400, 505}},
		{"HTTP/3.0", "GET /healthz HTTP/3.0\r\nHost: " + host + "\r\n\r\n", []int{400, 505}},
		{"HTTP in small letters", "GET /healthz http/1.1\r\nHost: " + host + "\r\n\r\n", []int{400}},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500) + "\r\n\r\n", []int{400}},
		{"SSH", "SSH-2.0-OpenSSH_9.0\r\n\r\n", []int{400}},
		{"JSON", pingText + "\n\n", []int{400}},
		{"empty lines", "\r\n\r\n\r\n", []int{400}},
		{"NULs", strings.Repeat("\x00", 1<<20), []int{400, 431, 0}},
		{"an endless line", "GET /" + strings.Repeat("a", 1<<20), []int{400, 431, 0}},
		{"line feeds alone", strings.ReplaceAll(post(host, pingText, "Connection: close"), "\r\n", "\n"), []int{200, 400}},
		{"garbage behind", post(host, pingText, "Connection: close") + "garbage", []int{200}},
	} {
		r := pour(t, host, strings.NewReader(tt.text))
		wantStatus(t, tt.name, reply{status: r.status, body: "-"}, tt.want...)
		stillServes(t, tt.name, host)
	}
}

// TestAbusePipeline: requests that are sent without waiting are answered each, in
// order, also when garbage follows; and what one client has under way keeps no other
// from being served.
func TestAbusePipeline(t *testing.T) {
	host := startServer(t, targetOptions{}).host()
	session := "Mcp-Session-Id: " + begin(t, host, "")
	const n = 1000
	var text strings.Builder
	for i := range n {
		body := fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"echo","arguments":{"text":"number %[1]d"}}}`, i)
		text.WriteString(post(host, body, session))
	}
	text.WriteString("garbage\r\n\r\n")
	c := dial(t, host)
	_ = c.SetDeadline(time.Now().Add(patience))
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, text.String())
		sent <- err
	}()
	in := bufio.NewReader(c)
	for i := range n {
		r := readReply(t, in)
		m := answerTo(t, "the pipeline", fmt.Sprint(i), r)
		if want := fmt.Sprintf(`"number %d"`, i); r.status != http.StatusOK || !strings.Contains(string(m.Result), want) {
			t.Fatalf("answer %d: %d %.200s", i, r.status, r.body)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	wantStatus(t, "the garbage behind", readReply(t, in), http.StatusBadRequest)
	if r := readReply(t, in); r.status != 0 {
		t.Errorf("after garbage the connection goes on: %d", r.status)
	}
	stillServes(t, "a pipeline", host)
}
