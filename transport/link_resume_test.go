package transport

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// cuts answers with a stream of one text, and cuts it off.
func cuts(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		eventStream(w)(text)
		panic(http.ErrAbortHandler)
	}
}

// ends answers with a stream of one text.
func ends(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { eventStream(w)(text) }
}

// lasts answers with a stream in which there is nothing, and that is cut off after a
// while.
func lasts(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		eventStream(w)("")
		time.Sleep(d)
		panic(http.ErrAbortHandler)
	}
}

func refuses(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }
}

// A stream that is cut, or ended early, goes on where it was, after as long as the
// server asked for.
func TestHTTPLinkResume(t *testing.T) {
	answer := result(1, `{}`)
	other := `{"jsonrpc":"2.0","method":"other"}`
	type try struct {
		after time.Duration // the least since the try before; an eighth more is allowed
		id    string        // Last-Event-ID
		serve http.HandlerFunc
	}
	const first = 250 * time.Millisecond
	for _, tt := range []struct {
		name  string
		o     LinkOptions
		alone bool
		tries []try // the first is the POST
		heard []string
		lost  string
	}{
		{name: "primed", heard: []string{answer}, tries: []try{{serve: ends("id: a\ndata: \n\n")}, {first, "a", ends(data("b", answer))}}},
		{name: "asked to wait", heard: []string{answer}, tries: []try{{serve: ends("id: a\nretry: 500\ndata:\n\n")}, {500 * time.Millisecond, "a", ends(data("b", answer))}}},
		{name: "asked alone", heard: []string{answer}, tries: []try{{serve: ends("id: a\ndata:\n\nretry: 3000\n\n")}, {3 * time.Second, "a", ends(data("b", answer))}}},
		{name: "asked for less", heard: []string{answer}, tries: []try{{serve: ends("retry: 16\r\nid: a\r\ndata\r\n\r\n")}, {16 * time.Millisecond, "a", ends(data("b", answer))}}},
		{name: "cut after an event", heard: []string{note, other, answer}, tries: []try{{serve: cuts(data("a", note) + data("b", other))}, {first, "b", ends(data("c", answer))}}},
		{name: "cut within one", heard: []string{note, other, answer}, tries: []try{{serve: cuts(data("a", note) + "id: b\ndata: " + other + "\n")}, {first, "a", ends(data("b", other) + data("c", answer))}}},
		{name: "again and again", heard: []string{note, other, answer}, tries: []try{
			{serve: cuts(data("a", note))}, {first, "a", cuts(data("b", other))}, {first, "b", ends("id: c\ndata:\n\n")}, {first, "c", ends(data("d", answer))}}},
		{name: "sent again", heard: []string{note, answer}, tries: []try{{serve: cuts(data("a", note))}, {first, "a", ends(data("a", note) + data("b", answer))}}},
		{name: "events without ids", heard: []string{note, other, answer}, tries: []try{{serve: cuts(data("a", note))}, {first, "a", cuts(data("", other))}, {first, "a", ends(data("", answer))}}},
		{name: "server away", heard: []string{note, answer}, tries: []try{
			{serve: cuts(data("a", note))}, {first, "a", refuses(503)}, {2 * first, "a", refuses(429)}, {4 * first, "a", cuts("")}, {8 * first, "a", ends(data("b", answer))}}},
		{name: "asked to wait, away", heard: []string{note, answer}, tries: []try{
			{serve: cuts("retry: 400\n" + data("a", note))}, {400 * time.Millisecond, "a", refuses(503)}, {2 * first, "a", ends(data("b", answer))}}},
		{name: "polled for long", heard: []string{answer}, tries: []try{
			{serve: ends("id: a\nretry: 8\ndata:\n\n")}, {8 * time.Millisecond, "a", ends("retry: 8\n\n")}, {8 * time.Millisecond, "a", ends("retry: 8\n\n")}, {8 * time.Millisecond, "a", ends("retry: 8\n\n")},
			{8 * time.Millisecond, "a", ends("retry: 8\n\n")}, {8 * time.Millisecond, "a", ends("retry: 8\n\n")}, {8 * time.Millisecond, "a", ends("retry: 8\n\n")}, {8 * time.Millisecond, "a", ends(answerEvent)}}},
		{name: "silent for long", heard: []string{note, answer}, o: LinkOptions{Retry: Retry{Attempts: 2}}, tries: []try{
			{serve: cuts(data("a", note))}, {first, "a", lasts(2 * time.Second)}, {first, "a", lasts(2 * time.Second)}, {first, "a", lasts(2 * time.Second)}, {first, "a", ends(answerEvent)}}},
		{name: "nothing more", heard: []string{note}, o: LinkOptions{Retry: Retry{Attempts: 2, First: time.Second, Most: time.Second}}, tries: []try{
			{serve: ends(data("a", note))}, {time.Second, "a", ends("")}, {time.Second, "a", ends("")}}, lost: "could not be taken up again, after 2 attempts: the server ended the stream without an answer"},
		{name: "no attempts", o: LinkOptions{Retry: Retry{Attempts: -1}}, heard: []string{note}, tries: []try{{serve: ends(data("a", note))}}, lost: "after 0 attempts"},
		{name: "gone", heard: []string{note}, tries: []try{{serve: cuts(data("a", note))}, {first, "a", refuses(404)}}, lost: "404"},
		{name: "not offered", heard: []string{note}, tries: []try{{serve: cuts(data("a", note))}, {first, "a", refuses(405)}}, lost: "405"},
		{name: "no ids", heard: []string{note}, tries: []try{{serve: cuts(data("", note))}}, lost: "unexpected EOF"},
		{name: "ids taken back", heard: []string{note, other}, tries: []try{{serve: ends(data("a", note) + "id\ndata: " + other + "\n\n")}}, lost: "ended the stream without an answer"},
		{name: "alone", alone: true, heard: []string{note}, tries: []try{{serve: cuts(data("a", note))}}, lost: "unexpected EOF"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var each []http.HandlerFunc
			var before time.Time
			for i, try := range tt.tries {
				each = append(each, func(w http.ResponseWriter, r *http.Request) {
					waited := time.Since(before)
					defer func() { before = time.Now() }() // also of a panic
					method := http.MethodGet
					if i == 0 {
						method = http.MethodPost
					} else if waited < try.after || waited > try.after*9/8 {
						t.Errorf("try %d came after %s, want %s", i, waited, try.after)
					}
					if id := r.Header.Get("Last-Event-ID"); r.Method != method || id != try.id || r.URL.RawQuery != "key=secret" {
						t.Errorf("try %d is %s after %q, want %s after %q", i, r.Method, id, method, try.id)
					}
					try.serve(w, r)
				})
			}
			inBubble(t, steps(t, each...), tt.o, func(t *testing.T, f *remote, l *HTTPLink) {
				o := f.lost.lose(t, request(1, "m", `{}`))
				o.Alone = tt.alone
				if err := l.Send(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				for _, text := range tt.heard {
					f.want(about("1", text))
				}
				if tt.lost != "" {
					if err := <-f.lost; !strings.Contains(err.Error(), tt.lost) {
						t.Errorf("lost with %v, want %s", err, tt.lost)
					}
				}
				time.Sleep(time.Hour) // of the bubble: nothing more comes
				f.silent()
				f.lost.none(t)
			})
		})
	}
}

var answerEvent = data("z", result(1, `{}`))

// A server that does not end a stream that has the answer is hung up on, and the
// answer is not held up by that.
func TestHTTPLinkAnswered(t *testing.T) {
	var left chan struct{} // of the bubble
	h := func(w http.ResponseWriter, r *http.Request) {
		eventStream(w)(answerEvent)
		<-r.Context().Done()
		close(left)
	}
	inBubble(t, h, LinkOptions{}, func(t *testing.T, f *remote, l *HTTPLink) {
		left = make(chan struct{})
		began := time.Now()
		f.send(l, request(1, "m", `{}`))
		f.want(about("1", result(1, `{}`)))
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the answer took %s", waited)
		}
		<-left
		if waited := time.Since(began); waited != lingers {
			t.Errorf("hung up after %s", waited)
		}
		f.lost.none(t)
	})
}

// The session's own stream is kept open.
func TestHTTPLinkListen(t *testing.T) {
	quiet := func(w http.ResponseWriter, r *http.Request) {
		eventStream(w)("")
		time.Sleep(30 * time.Second) // as a proxy closes it
	}
	var each []http.HandlerFunc
	expect := func(id string, h http.HandlerFunc) {
		each = append(each, func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Last-Event-ID"); got != id || r.Method != http.MethodGet || r.Header.Get("Accept") != "text/event-stream" || r.Header.Get("Mcp-Session-Id") != "x" {
				t.Errorf("%s after %q with %v, want one after %q", r.Method, got, r.Header, id)
			}
			h(w, r)
		})
	}
	each = append(each, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Mcp-Session-Id", "x")
		answerJSON(w, 200, result(1, `{}`))
	})
	expect("", refuses(405))
	expect("", refuses(400))
	expect("", ends(""))
	expect("", cuts(data("a", note)))
	expect("a", ends("retry: 100\n\n"))
	expect("a", refuses(500))
	for range 8 {
		expect("a", quiet)
	}
	expect("a", ends(data("b", request(7, "ask", `{}`))))
	each = append(each, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202) })
	expect("b", refuses(404))
	inBubble(t, steps(t, each...), LinkOptions{}, func(t *testing.T, f *remote, l *HTTPLink) {
		f.send(l, request(1, "m", `{}`))
		f.want(about("1", result(1, `{}`)))
		if err := l.Listen(t.Context(), nil); err != ErrNoStream {
			t.Errorf("405 is %v", err)
		}
		if e, _ := errors.AsType[*StatusError](l.Listen(t.Context(), nil)); e == nil || e.Status != 400 {
			t.Errorf("400 is %v", e)
		}
		lost := make(losses, 1)
		if err := l.Listen(t.Context(), func(err error) { lost <- err }); err != nil {
			t.Fatal(err)
		}
		f.want(about("", note))
		if got := <-f.heard; got != about("", request(7, "ask", `{}`)) {
			t.Errorf("heard %s", got)
		}
		if err := <-f.sent; err != nil {
			t.Errorf("answered: %v", err)
		}
		if e, _ := errors.AsType[*StatusError](<-lost); e == nil || e.Status != 404 || !e.Ended {
			t.Errorf("lost with %v", e)
		}
	})
}

// A stream that cannot be taken up again is lost in the end; the attempts are
// spread.
func TestHTTPLinkListenLost(t *testing.T) {
	var tries []time.Time
	h := func(w http.ResponseWriter, r *http.Request) {
		tries = append(tries, time.Now())
		if len(tries) > 1 {
			w.WriteHeader(503)
			return
		}
		eventStream(w)
	}
	inBubble(t, h, LinkOptions{Retry: Retry{Attempts: 10}}, func(t *testing.T, f *remote, l *HTTPLink) {
		lost := make(losses, 1)
		if err := l.Listen(t.Context(), func(err error) { lost <- err }); err != nil {
			t.Fatal(err)
		}
		if e, _ := errors.AsType[*StatusError](<-lost); e == nil || e.Status != 503 || len(tries) != 11 {
			t.Errorf("lost with %v after %d tries", e, len(tries))
		}
		want := 250 * time.Millisecond
		exact := true
		for i := range tries[1:] {
			waited := tries[i+1].Sub(tries[i])
			if waited < want || waited > want*9/8 {
				t.Errorf("wait %d is %s, want %s", i, waited, want)
			}
			exact = exact && waited == want
			want = min(2*want, 30*time.Second)
		}
		if exact {
			t.Error("all clients come at the same time")
		}
	})
}

// The link against the server of this package: polling, redelivery, the own stream.
func TestHTTPLinkOwnServer(t *testing.T) {
	w := serve(t, options(), nil)
	f := &remote{t: t, ears: newEars(t), lost: make(losses, 10)}
	l, err := OpenHTTP(w.url+"/mcp?client_id=me", f.ears, LinkOptions{Retry: Retry{First: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f.send(l, request(0, "keep", `{}`))
	f.want(about("0", result(0, `{}`)))
	if l.SessionID() != w.last().ID {
		t.Errorf("session %q, want %q", l.SessionID(), w.last().ID)
	}
	f.send(l, request(1, "args", `{}`))
	f.want(about("1", result(1, `{"client_id":["me"]}`)))
	f.send(l, note)
	f.send(l, request(2, "steps", `[3]`))
	for i := range 3 {
		f.want(about("2", step(i, 2)))
	}
	f.want(about("2", result(2, `3`)))
	f.send(l, request(3, "detached", `[4]`))
	for i := range 4 {
		w.release <- struct{}{} // of which every second suspends
		if i%2 == 1 {
			f.want(about("3", step(i, 3)))
		}
	}
	w.release <- struct{}{}
	f.want(about("3", result(3, `4`)))
	if err := l.Listen(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.last().Notify(message(t, note))
	f.want(about("", note))
	if err := l.Close(); err != nil || w.table.Len() != 0 {
		t.Errorf("closed with %v; %d sessions are left", err, w.table.Len())
	}
	f.lost.none(t)
	f.silent()
}

// Large messages arrive whole, also in the small pieces of a network.
func TestHTTPLinkLarge(t *testing.T) {
	large := result(1, `"`+strings.Repeat("x", 5<<20)+`"`)
	f := newRemote(t, func(w http.ResponseWriter, r *http.Request) {
		write := eventStream(w)
		text := data("", large)
		for len(text) > 4096 {
			fmt.Fprint(w, text[:4096])
			text = text[4096:]
		}
		write(text)
	})
	f.send(f.dial("/mcp", LinkOptions{}), request(1, "m", `{}`))
	f.want(about("1", large))
	f.send(f.dial("/mcp", LinkOptions{Message: -1}), request(1, "m", `{}`))
	f.want(about("1", large))
	f.lost.none(t)
}
