package hostile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	sse "github.com/tmaxmax/go-sse"
)

// wire is a session of the crowd over streamable HTTP, whose client is none of this
// module's: its oracle sees every byte that comes over its connections, headers and
// all.
type wire struct {
	w        *crowd
	o        *oracle
	n        int
	revision string
	live     func(x *wire, rounds int) error
	client   *http.Client
	id       string // of the session
	last     string // id of the event that came last
}

// newWire makes a session that lives in this way.
func newWire(w *crowd, n int, revision string, live func(x *wire, rounds int) error) *wire {
	x := &wire{w: w, n: n, revision: revision, live: live, o: newOracle(sessionMark(n), userMark(n/3))}
	x.client = &http.Client{Transport: &http.Transport{DisableCompression: true, DialContext: x.dial}}
	return x
}

func (x *wire) String() string { return fmt.Sprintf("session %d, %s by hand", x.n, x.revision) }

// seenConn is a connection whose bytes an oracle sees.
type seenConn struct {
	net.Conn
	sight *sight
}

func (c seenConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.sight.Write(p[:n])
	return n, err
}

// dial opens a connection that takes little at once.
func (x *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return seenConn{c, &sight{o: x.o}}, c.(*net.TCPConn).SetReadBuffer(32 << 10)
}

// do makes a request, whose response is to be closed; header has lines.
func (x *wire) do(method, body string, header ...string) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), calm, errors.New("no answer"))
	url := fmt.Sprintf("%s/mcp?auth=key-%s&client_id=%s", x.w.url, x.o.user, x.o.session)
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if body != "" {
		header = append(header, asJSON...)
	}
	if x.id != "" {
		header = append(header, "Mcp-Session-Id: "+x.id, "MCP-Protocol-Version: "+x.revision)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	res, err := x.client.Do(req)
	if err != nil {
		cancel()
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(res.Body, &sight{o: x.o}), closer{res.Body, cancel}} // once more without the marks of chunks
	return res, nil
}

type closer struct {
	io.Closer
	cancel func()
}

func (c closer) Close() error {
	c.cancel()
	return c.Closer.Close()
}

// ask makes a request that is answered at once, with this status, and returns its
// body.
func (x *wire) ask(status int, method, body string, header ...string) (string, error) {
	res, err := x.do(method, body, header...)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != status {
		err = fmt.Errorf("%s %s: status %d, and not %d: %s", method, body, res.StatusCode, status, text)
	}
	if id := res.Header.Get("Mcp-Session-Id"); id != "" {
		x.id = id
	}
	return string(text), err
}

// message is what comes on a stream.
type message struct {
	ID     json.RawMessage
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  json.RawMessage
}

// take reads a stream until so many messages have come, or one that is no
// notification, and then drops the connection.
func (x *wire) take(res *http.Response, most int) (all []message, err error) {
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		return nil, fmt.Errorf("status %d: %s", res.StatusCode, text)
	}
	for e, err := range sse.Read(res.Body, &sse.ReadConfig{MaxEventSize: 1 << 20}) {
		if err != nil {
			return all, err
		}
		x.last = e.LastEventID
		if e.Data == "" {
			continue
		}
		var m message
		if err := json.Unmarshal([]byte(e.Data), &m); err != nil {
			return all, err
		}
		if all = append(all, m); len(all) == most || m.ID != nil {
			return all, nil
		}
	}
	return all, nil
}

// resume goes on behind the event that came last.
func (x *wire) resume() (*http.Response, error) {
	return x.do(http.MethodGet, "", "Last-Event-ID: "+x.last)
}

// call is the body of a call of a tool.
func call(id int, name, arguments, token string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":%q,"arguments":%s,"_meta":{"progressToken":%q}}}`, id, name, arguments, token)
}

// comes is the life of a session whose connections break and which resumes what it
// had not got.
func (x *wire) comes(rounds int) error {
	for round := range rounds {
		x.id = ""
		body := strings.Replace(initialize(x.revision), `{"elicitation":{}}`, `{"elicitation":{},"sampling":{}}`, 1)
		if _, err := x.ask(http.StatusOK, http.MethodPost, body); err != nil {
			return err
		}
		if _, err := x.ask(http.StatusOK, http.MethodPost, `{"jsonrpc":"2.0","id":2,"method":"logging/setLevel","params":{"level":"info"}}`); err != nil {
			return err
		}
		for i := range wireSteps {
			step := wireSteps[(x.n+i)%len(wireSteps)]
			if err := step.take(x, round); err != nil {
				return fmt.Errorf("round %d, %s: %w", round, step.name, err)
			}
		}
		if _, err := x.ask(http.StatusNoContent, http.MethodDelete, ""); err != nil {
			return err
		}
		_, gone := x.ask(http.StatusNotFound, http.MethodPost, call(9, "whoami", "{}", ""))
		_, cut := x.ask(http.StatusNotFound, http.MethodGet, "", "Last-Event-ID: "+x.last)
		if err := errors.Join(gone, cut); err != nil {
			return err
		}
	}
	return nil
}

var wireSteps = []struct {
	name string
	take func(x *wire, round int) error
}{
	{"cut work", (*wire).cutWork},
	{"cut questions", (*wire).cutQuestions},
	{"cut updates", (*wire).cutUpdates},
}

// cutWork: a stream that is cut time and again has everything once, in order.
func (x *wire) cutWork(round int) error {
	const steps = 12
	text := fmt.Sprintf("%s round %d", x.o.session, round)
	res, err := x.do(http.MethodPost, call(3, "work", fmt.Sprintf(`{"steps":%d,"text":%q,"each":%d}`, steps, text, x.n%900), "same"))
	var all []message
	for cut := 0; err == nil; cut++ {
		var some []message
		if some, err = x.take(res, 1+(x.n+cut)%5); err != nil {
			break
		}
		if all = append(all, some...); len(all) > 0 && all[len(all)-1].ID != nil {
			break
		}
		res, err = x.resume()
	}
	if err != nil {
		return err
	}
	if len(all) != 2*steps+1 || !strings.Contains(string(all[2*steps].Result), `"text":"`+x.o.session+" "+text+`"`) {
		return fmt.Errorf("%d messages came, the last %s", len(all), all[len(all)-1].Result)
	}
	for i, m := range all[:2*steps] {
		expect := "notifications/message"
		if i%2 == 0 {
			expect = "notifications/progress"
		}
		if m.Method != expect || i%2 == 0 && !strings.Contains(string(m.Params), fmt.Sprintf(`"progress":%d,`, i/2+1)) ||
			(i%2 == 1 || x.revision > "2024-11-05") && !strings.Contains(string(m.Params), text) {
			return fmt.Errorf("message %d is %s %s", i, m.Method, m.Params)
		}
	}
	return nil
}

// cutQuestions: a question that was lost with its connection is answered all the
// same, and the call goes on.
func (x *wire) cutQuestions(int) error {
	own := x.o.session
	name, expect := "confirm", fmt.Sprint(own, " first ", own, " second ", own, " ", own)
	if x.revision < "2025-06-18" {
		name, expect = "sampled", own+" said "+own
	}
	res, err := x.do(http.MethodPost, call(3, name, fmt.Sprintf(`{"text":%q}`, own), "same"))
	for err == nil {
		var all []message
		if all, err = x.take(res, 1); err != nil {
			break
		}
		if len(all) == 1 && all[0].Method == "" {
			if got := string(all[0].Result); !strings.Contains(got, `"text":"`+expect+`"`) {
				return fmt.Errorf("got %s, want %s", got, expect)
			}
			return nil
		}
		if len(all) == 1 {
			m := &member{o: x.o}
			answer, failed := m.answer(all[0].Method, all[0].Params)
			text, encoded := json.Marshal(answer)
			_, sent := x.ask(http.StatusAccepted, http.MethodPost, fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":%s}`, all[0].ID, text))
			if err = errors.Join(failed, encoded, sent); err != nil {
				break
			}
		}
		res, err = x.resume()
	}
	return err
}

// cutUpdates: what a session is told comes to who listens, or when somebody does. A
// change is told before the next is made, for two that wait may be told as one.
func (x *wire) cutUpdates(int) error {
	uri := "mine://" + x.o.session
	if _, err := x.ask(http.StatusOK, http.MethodPost, `{"jsonrpc":"2.0","id":3,"method":"resources/subscribe","params":{"uri":"`+uri+`"}}`); err != nil {
		return err
	}
	touch := func() error {
		_, err := x.ask(http.StatusOK, http.MethodPost, call(4, "touch", "{}", ""))
		return err
	}
	res, err := x.do(http.MethodGet, "")
	if err != nil {
		return err
	}
	for i := range 4 {
		if i%2 == 0 { // or else it has been touched
			if err := touch(); err != nil {
				return errors.Join(err, res.Body.Close())
			}
		}
		all, err := x.take(res, 1)
		if err != nil || len(all) != 1 || all[0].Method != "notifications/resources/updated" || !bytes.Contains(all[0].Params, []byte(`"`+uri+`"`)) {
			return fmt.Errorf("update %d is %v, %w", i, all, err)
		}
		if i%2 == 0 {
			if err := touch(); err != nil {
				return err
			}
		}
		if res, err = x.resume(); err != nil {
			return err
		}
	}
	return res.Body.Close()
}

// slow is the life of a session that lets its stream wait until others have done
// all that they do. There is more in it than sockets hold.
func (x *wire) slow(rounds int) error {
	const steps, each = 40, 128 << 10
	if x.n >= 104 { // a few of them will do
		return x.comes(rounds)
	}
	if _, err := x.ask(http.StatusOK, http.MethodPost, initialize(x.revision)); err != nil {
		return err
	}
	for round := range rounds / 2 {
		text := fmt.Sprintf("%s round %d", x.o.session, round)
		res, err := x.do(http.MethodPost, call(3, "work", fmt.Sprintf(`{"steps":%d,"text":%q,"each":%d}`, steps, text, each), "same"))
		if err != nil {
			return err
		}
		<-x.w.stirred
		all, err := x.take(res, steps+1)
		if err != nil || len(all) != steps+1 || !bytes.Contains(all[steps].Result, []byte(text)) {
			return fmt.Errorf("%d messages came, %w", len(all), err)
		}
		for i, m := range all[:steps] {
			if !bytes.Contains(m.Params, []byte(fmt.Sprintf(`"progress":%d,`, i+1))) || len(m.Params) < each {
				return fmt.Errorf("message %d is %.200s", i, m.Params)
			}
		}
	}
	return nil
}

// leaves is the life of a client without a session that hangs up.
func (x *wire) leaves(rounds int) error {
	for round := range rounds {
		which := fmt.Sprint(x.o.session, round)
		body := strings.Replace(stateless("tools/call", fmt.Sprintf(`"name":"hold","arguments":{"which":%q}`, which)), `"_meta":{`, `"_meta":{"progressToken":"held",`, 1)
		res, err := x.do(http.MethodPost, body, named("tools/call", "hold")...)
		if err != nil {
			return err
		}
		all, err := x.take(readUntil(res, func() { x.w.letGo(which) }), 1)
		if err != nil || len(all) != 1 || !bytes.Contains(all[0].Params, []byte(which)) {
			return fmt.Errorf("got %v, %w", all, err)
		}
		got, err := x.ask(http.StatusOK, http.MethodPost, stateless("tools/call", `"name":"whoami"`), named("tools/call", "whoami")...)
		if want := fmt.Sprintf(`"client":%q,"principal":%q,"session":"","request":"1","kept":""`, x.o.session, x.o.user); err != nil || !strings.Contains(got, want) {
			return fmt.Errorf("got %s, %w; want %s", got, err, want)
		}
	}
	return nil
}

// readUntil calls f before the connection of a response is dropped.
func readUntil(res *http.Response, f func()) *http.Response {
	res.Body = struct {
		io.Reader
		io.Closer
	}{res.Body, closer{res.Body, f}}
	return res
}
