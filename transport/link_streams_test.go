package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// inbox is the receiver of a link. It notes each message as its text, and
// answers requests by method: echo with the params, block when its context ends.
type inbox struct {
	got chan string

	mu    sync.Mutex
	lost  []string // "id: error", in order
	reply []error  // what sending the answers came to
}

func newInbox() *inbox { return &inbox{got: make(chan string, 1000)} }

func (b *inbox) Receive(ctx context.Context, x *Exchange) (run func()) {
	m := &x.Message
	b.got <- string(m.Append(nil))
	if !m.IsRequest() {
		return nil
	}
	return func() {
		if m.Method == "block" {
			<-ctx.Done()
		}
		err := x.Reply.Send(context.Background(), &jsonrpc.Message{ID: m.ID, Result: m.Params})
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reply = append(b.reply, err)
	}
}

// ask returns a request that notes how it is lost.
func (b *inbox) ask(id int, method, params string) *Outbound {
	m := &jsonrpc.Message{ID: jsonrpc.ID(fmt.Sprint(id)), Method: method, Params: []byte(params)}
	return &Outbound{Message: m, Lost: func(err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.lost = append(b.lost, fmt.Sprintf("%d: %v", id, err))
	}}
}

func (b *inbox) losses() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.lost, "; ")
}

// want waits for the next message.
func (b *inbox) want(t *testing.T, text string) {
	t.Helper()
	select {
	case got := <-b.got:
		if got != text {
			t.Errorf("got %s, want %s", got, text)
		}
	case <-time.After(timeout):
		t.Fatalf("%s did not come", text)
	}
}

func send(t *testing.T, l Link, o *Outbound) {
	t.Helper()
	if err := l.Send(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// ended waits for the end of a link and returns why it ended.
func ended(t *testing.T, l Link) error {
	t.Helper()
	select {
	case <-l.Done():
	case <-time.After(timeout):
		t.Fatal("the link does not end")
	}
	return l.Err()
}

// streamServer is the far end of streams that a test plays.
type streamServer struct {
	*inbox
	link  Link
	noise []string // read when the link has ended
	lines *bufio.Reader
	in    *io.PipeReader // what the client writes
	out   *io.PipeWriter
}

// overStreams runs f with a link over pipes that have no buffer.
func overStreams(t *testing.T, o LinkOptions, f func(t *testing.T, s *streamServer)) {
	synctest.Test(t, func(t *testing.T) {
		s := &streamServer{inbox: newInbox()}
		toServer, fromClient := io.Pipe()
		toClient, fromServer := io.Pipe()
		o.Noise = func(line string) { s.noise = append(s.noise, line) }
		s.in, s.out, s.lines = toServer, fromServer, bufio.NewReader(toServer)
		s.link = OpenStreams(toClient, fromClient, s, o)
		f(t, s)
		if err := s.link.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func (s *streamServer) write(text string) { _, _ = io.WriteString(s.out, text) }

func (s *streamServer) wantLine(t *testing.T, text string) {
	t.Helper()
	if got, err := s.lines.ReadString('\n'); got != text+"\n" || err != nil {
		t.Fatalf("the server got %q, %v, want %q", got, err, text)
	}
}

func TestStreamsInbound(t *testing.T) {
	one, note := result(1, `{}`), `{"jsonrpc":"2.0","method":"note"}`
	long := "x" + strings.Repeat("é", 600)
	for _, tt := range []struct{ name, in, want, noise string }{
		{"nothing", "", "", ""},
		{"lines", one + "\n" + note + "\n", one + " " + note, ""},
		{"CRLF", one + "\r\n" + note + "\r\n", one + " " + note, ""},
		{"blank lines", "\n\r\n \t\n" + one + "\n\n", one, ""},
		{"no newline at the end", note, note, ""},
		{"batch", "[" + one + "," + note + "]\n", one + " " + note, ""},
		{"prints", "listening on 80\n" + one + "\n{}\n", one, "listening on 80|{}"},
		{"half a batch", "[{}," + one + "]\n", one, "[{}," + one + "]"},
		{"long print", long + "\n" + one + "\n", one, long[:1023] + "…"},
		{"invalid response ends its call", `{"jsonrpc":"2.0","id":1,"result":1,"error":2}` + "\n",
			`{"jsonrpc":"2.0","id":1,"error":{`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
				s.write(tt.in)
				s.out.Close()
				if err := ended(t, s.link); err != ErrServerGone {
					t.Errorf("the link ended with %v", err)
				}
				close(s.got)
				var got []string
				for text := range s.got {
					got = append(got, text)
				}
				all := strings.Join(got, " ")
				if all != tt.want && (!strings.HasSuffix(tt.want, "{") || !strings.HasPrefix(all, tt.want)) {
					t.Errorf("got %s, want %s", all, tt.want)
				}
				if noise := strings.Join(s.noise, "|"); noise != tt.noise {
					t.Errorf("noise %q, want %q", noise, tt.noise)
				}
			})
		})
	}
}

func TestStreamsOutbound(t *testing.T) {
	overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
		if s.link.Kind() != "stdio" || s.link.Err() != nil {
			t.Error(s.link.Kind(), s.link.Err())
		}
		go func() {
			send(t, s.link, s.ask(1, "m", "{\n\"a\":\r\n1}"))
			send(t, s.link, &Outbound{Message: &jsonrpc.Message{Method: "note"}})
		}()
		s.wantLine(t, request(1, "m", `{ "a":  1}`))
		s.wantLine(t, `{"jsonrpc":"2.0","method":"note"}`)
		s.write(request(7, "echo", `["x"]`) + "\n")
		s.wantLine(t, result(7, `["x"]`))
	})
}

// A request that is answered is not lost, one that is not is, and one that could
// not be sent is told so by Send alone.
func TestStreamsLost(t *testing.T) {
	overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
		go func() {
			for range 3 {
				_, _ = s.lines.ReadString('\n')
			}
		}()
		send(t, s.link, s.ask(1, "m", `{}`))
		send(t, s.link, s.ask(2, "m", `{}`))
		if err := s.link.Send(t.Context(), s.ask(2, "m", `{}`)); err == nil || !strings.Contains(err.Error(), "id 2 is waiting") {
			t.Errorf("an id twice: %v", err)
		}
		send(t, s.link, &Outbound{Message: &jsonrpc.Message{ID: "3", Method: "m"}})
		s.write(result(1, `{}`) + "\n")
		synctest.Wait()
		blocked := make(chan error, 1)
		go func() { blocked <- s.link.Send(t.Context(), s.ask(4, "m", `{}`)) }()
		synctest.Wait()
		waits(t, blocked)
		s.out.Close()
		if err := <-blocked; err != ErrServerGone {
			t.Errorf("Send that was under way: %v", err)
		}
		_ = ended(t, s.link)
		synctest.Wait()
		if got := s.losses(); got != "2: "+ErrServerGone.Error() {
			t.Errorf("lost %s", got)
		}
		if err := s.link.Send(t.Context(), s.ask(5, "m", `{}`)); err != ErrServerGone {
			t.Errorf("Send after the end: %v", err)
		}
	})
}

// The answer that comes before the write has returned counts.
func TestStreamsAnsweredWhileSending(t *testing.T) {
	overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
		sent := make(chan error, 1)
		go func() { sent <- s.link.Send(t.Context(), s.ask(1, "m", `{}`)) }()
		synctest.Wait()
		s.write(result(1, `{}`) + "\n")
		s.out.Close()
		if err := <-sent; err != nil {
			t.Errorf("Send: %v, although there is an answer", err)
		}
		s.want(t, result(1, `{}`))
		_ = ended(t, s.link)
		if got := s.losses(); got != "" {
			t.Errorf("lost %s", got)
		}
	})
}

// A link that ends between the write and the end of Send tells Send, and not Lost.
func TestStreamsEndWhileSending(t *testing.T) {
	b, asked := newInbox(), new(ledger)
	o := b.ask(1, "m", `{}`)
	if err := asked.open(o); err != nil {
		t.Fatal(err)
	}
	asked.end(ErrServerGone)
	if err := asked.sent(o, nil); err != ErrServerGone || b.losses() != "" || len(asked.asked) != 0 {
		t.Errorf("Send: %v, lost %s", err, b.losses())
	}
}

// A server that does not read holds up who writes, and nobody else.
func TestStreamsServerDoesNotRead(t *testing.T) {
	overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
		writing, waiting := make(chan error, 1), make(chan error, 1)
		go func() { writing <- s.link.Send(t.Context(), s.ask(1, "m", `{}`)) }()
		synctest.Wait()
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { waiting <- s.link.Send(ctx, s.ask(2, "m", `{}`)) }()
		synctest.Wait()
		waits(t, writing)
		waits(t, waiting)
		cancel(ErrIdle)
		if err := <-waiting; err != ErrIdle {
			t.Errorf("waiting for its turn: %v", err)
		}
		if err := s.link.Send(ctx, s.ask(3, "m", `{}`)); err != ErrIdle {
			t.Errorf("with a context that has ended: %v", err)
		}
		began := time.Now()
		_ = s.link.Close()
		if err := <-writing; err != ErrClosed || s.losses() != "" {
			t.Errorf("the write that was under way: %v, lost %s", err, s.losses())
		}
		if got := time.Since(began); got != grace {
			t.Errorf("Close took %v, want what the server is given to end", got)
		}
	})
}

func TestStreamsClose(t *testing.T) {
	overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
		go func() {
			_, _ = s.lines.ReadString('\n')
			_, err := s.lines.ReadString('\n')
			s.write("[]\nbye\n" + result(1, `{}`) + "\n") // read, for it might not end otherwise, and not delivered
			s.out.CloseWithError(err)
		}()
		send(t, s.link, s.ask(1, "m", `{}`))
		s.write(request(1, "block", `{}`) + "\n")
		s.want(t, request(1, "block", `{}`))
		began := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.link.Close() }()
		if err := s.link.Close(); err != nil || <-done != nil {
			t.Error(err)
		}
		if time.Since(began) != 0 || s.link.Err() != nil || len(s.got) != 0 || len(s.noise) != 0 {
			t.Errorf("after %v: %v, %d messages, noise %q", time.Since(began), s.link.Err(), len(s.got), s.noise)
		}
		<-s.link.Done()
		if got := s.losses(); got != "1: "+ErrClosed.Error() {
			t.Errorf("lost %s", got)
		}
		if len(s.reply) != 1 || s.reply[0] != ErrClosed {
			t.Errorf("the answer to the server: %v", s.reply)
		}
	})
}

func TestStreamsBreak(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		do         func(s *streamServer)
	}{
		{"too long", "longer than 40 bytes", func(s *streamServer) { s.write(strings.Repeat("x", 64<<10)) }},
		{"reading", "reading from the server: input/output error", func(s *streamServer) { s.out.CloseWithError(errors.New("input/output error")) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			overStreams(t, LinkOptions{Message: 40}, func(t *testing.T, s *streamServer) {
				go s.lines.ReadString('\n')
				send(t, s.link, s.ask(1, "m", `{}`))
				s.write(strings.Repeat(" ", 40) + "\r\n")
				go tt.do(s)
				if err := ended(t, s.link); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("ended with %v", err)
				}
				synctest.Wait()
				if !strings.Contains(s.losses(), tt.want) {
					t.Errorf("lost %s", s.losses())
				}
			})
		})
	}
}

// What the server said before it stopped reading is still heard.
func TestStreamsWriteFails(t *testing.T) {
	overStreams(t, LinkOptions{}, func(t *testing.T, s *streamServer) {
		go s.lines.ReadString('\n')
		send(t, s.link, s.ask(1, "m", `{}`))
		s.in.CloseWithError(io.ErrClosedPipe)
		failed := make(chan error, 1)
		go func() { failed <- s.link.Send(t.Context(), s.ask(2, "m", `{}`)) }()
		synctest.Wait()
		s.write(result(1, `{}`) + "\n")
		s.want(t, result(1, `{}`))
		if err := <-failed; !errors.Is(err, io.ErrClosedPipe) || err != s.link.Err() {
			t.Errorf("Send: %v, the link ended with %v", err, s.link.Err())
		}
		if s.losses() != "" {
			t.Errorf("lost %s", s.losses())
		}
	})
}

// No more than Runs requests of the server run, and what comes behind them waits
// until the link ends.
func TestStreamsRuns(t *testing.T) {
	overStreams(t, LinkOptions{Runs: 2}, func(t *testing.T, s *streamServer) {
		go func() {
			for i := range 3 {
				s.write(request(i, "block", `{}`) + "\n")
			}
		}()
		synctest.Wait()
		if n := len(s.got); n != 3 {
			t.Errorf("%d requests were delivered", n)
		}
		if n := len(s.link.(*streams).slots); n != 2 { // the third waits, and holds up nobody
			t.Errorf("%d requests run", n)
		}
		s.in.CloseWithError(io.ErrClosedPipe)
		if err := s.link.Send(t.Context(), s.ask(1, "m", `{}`)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Send: %v", err)
		}
	})
}

// FuzzStreams: whatever the server writes, what is a message is delivered, what
// is not is noise, and both are within a line.
func FuzzStreams(f *testing.F) {
	for _, text := range []string{"", "\n\n", result(1, `{}`), "[" + result(1, `{}`) + ",{}]\r\n", "x\r\n{}", "[[\n", "\xff\n", "[]\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b := receiverFunc(func(x *Exchange) func() {
			if !x.Message.IsRequest() {
				return nil
			}
			return func() { _ = x.Reply.Send(t.Context(), &jsonrpc.Message{ID: x.Message.ID, Result: []byte("1")}) }
		})
		noise := 0
		toServer, out := io.Pipe()
		go io.Copy(io.Discard, toServer)
		l := OpenStreams(io.NopCloser(strings.NewReader(string(text))), out, b, LinkOptions{Message: 1000, Noise: func(line string) {
			noise++
			if len(line) > maxNoise+len("…") || line == "" || strings.Contains(line, "\n") {
				t.Errorf("noise %q", line)
			}
		}})
		<-l.Done()
		l.Close()
		lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
		if noise > len(lines) {
			t.Errorf("%d lines, of which %d are noise", len(lines), noise)
		}
		if l.Err() == nil {
			t.Error("the link ended for no reason")
		}
	})
}

// BenchmarkLink is one request and its answer.
func BenchmarkLink(b *testing.B) {
	answered := make(chan struct{}, 1)
	to := receiverFunc(func(*Exchange) func() { answered <- struct{}{}; return nil })
	accept := func(p *Peer) (Receiver, error) { return quickSession{p}, nil }
	links := map[string]func() Link{
		"memory": func() Link { return openMemory(b, accept, to) },
		"streams": func() Link {
			toServer, fromClient := io.Pipe()
			toClient, fromServer := io.Pipe()
			go func() {
				_ = ServeStdio(context.Background(), new(Table), accept, toServer, fromServer, StdioOptions{})
				fromServer.Close()
			}()
			return OpenStreams(toClient, fromClient, to, LinkOptions{})
		},
	}
	for name, open := range links {
		b.Run(name, func(b *testing.B) {
			l := open()
			defer l.Close()
			m := jsonrpc.Message{ID: "7", Method: "tools/call", Params: []byte(`{"name":"echo","arguments":{"text":"hello"}}`)}
			o := Outbound{Message: &m, Lost: func(error) {}}
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Send(b.Context(), &o); err != nil {
					b.Fatal(err)
				}
				<-answered
			}
		})
	}
}
