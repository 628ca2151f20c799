package jsonrpc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
)

// answerWith returns a send that answers each request with what the text says,
// %s being its id.
func answerWith(c *Calls, format string) func(*Message) error {
	return func(m *Message) error {
		answer, err := Parse(fmt.Appendf(nil, format, m.ID))
		if err != nil {
			return err
		}
		c.Answer(&answer)
		return nil
	}
}

func TestCalls(t *testing.T) {
	failed := errors.New("the pipe is broken")
	for _, tt := range []struct {
		name string
		send func(c *Calls) func(*Message) error
		want string
		err  string
	}{
		{
			name: "result",
			send: func(c *Calls) func(*Message) error {
				return answerWith(c, `{"jsonrpc":"2.0","id":%s,"result":{"a":1}}`)
			},
			want: `{"a":1}`,
		},
		{
			name: "error",
			send: func(c *Calls) func(*Message) error {
				return answerWith(c, `{"jsonrpc":"2.0","id":%s,"error":{"code":-5,"message":"no","data":[1]}}`)
			},
			err: "no (-5)",
		},
		{
			name: "send fails",
			send: func(*Calls) func(*Message) error { return func(*Message) error { return failed } },
			err:  failed.Error(),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Calls
			got, err := c.Do(t.Context(), tt.send(&c), nil, "m", nil)
			if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
				t.Errorf("got %s, %v", got, err)
			}
			if len(c.waiting) != 0 {
				t.Error("a call is still waiting")
			}
		})
	}
}

func TestCallsSend(t *testing.T) {
	var c Calls
	for _, want := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1}}`,
		`{"jsonrpc":"2.0","id":2,"method":"a","params":{"x":1}}`,
	} {
		_, err := c.Do(t.Context(), func(m *Message) error {
			if got := string(m.Append(nil)); got != want {
				t.Errorf("sent %s, want %s", got, want)
			}
			return answerWith(&c, `{"jsonrpc":"2.0","id":%s,"result":0}`)(m)
		}, nil, "a", []byte(`{"x":1}`))
		if err != nil {
			t.Error(err)
		}
	}
}

func TestCallsUnknownAnswer(t *testing.T) {
	var c Calls
	for _, id := range []ID{"", "1", `"1"`} {
		if c.Answer(&Message{ID: id, Result: []byte(`1`)}) {
			t.Errorf("an answer with id %q found a call", id)
		}
	}
	_, err := c.Do(t.Context(), func(m *Message) error {
		if c.Answer(&Message{ID: `"1"`, Result: []byte(`"invented"`)}) {
			t.Error(`the answer with id "1" found the call with id 1`)
		}
		if !c.Answer(&Message{ID: m.ID, Result: []byte(`1`)}) || c.Answer(&Message{ID: m.ID, Result: []byte(`2`)}) {
			t.Error("want the first answer taken and the second one not")
		}
		return nil
	}, nil, "m", nil)
	if err != nil {
		t.Error(err)
	}
}

func TestCallsResultIsACopy(t *testing.T) {
	var c Calls
	text := []byte(`{"jsonrpc":"2.0","id":1,"result":"abc"}`)
	got, err := c.Do(t.Context(), func(*Message) error {
		m, err := Parse(text)
		c.Answer(&m)
		clear(text) // the transport's buffer is used again
		return err
	}, nil, "m", nil)
	if err != nil || string(got) != `"abc"` {
		t.Errorf("got %q, %v", got, err)
	}
	text = []byte(`{"jsonrpc":"2.0","id":2,"error":{"code":1,"message":"no","data":"abc"}}`)
	_, err = c.Do(t.Context(), func(*Message) error {
		m, err := Parse(text)
		c.Answer(&m)
		clear(text)
		return err
	}, nil, "m", nil)
	if e, ok := err.(*Error); !ok || string(e.Data) != `"abc"` {
		t.Errorf("got %v", err)
	}
}

func TestCallsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Calls
		why := errors.New("changed my mind")
		ctx, cancel := context.WithCancelCause(t.Context())
		var ended []ID
		done := make(chan error)
		go func() {
			_, err := c.Do(ctx, func(*Message) error { return nil }, func(id ID) { ended = append(ended, id) }, "m", nil)
			done <- err
		}()
		synctest.Wait()
		cancel(why)
		if err := <-done; err != why {
			t.Errorf("got %v, want the context's cause", err)
		}
		if len(ended) != 1 || ended[0] != "1" {
			t.Errorf("ended was told %q", ended)
		}
		if c.Answer(&Message{ID: "1", Result: []byte(`1`)}) {
			t.Error("a late answer found a call")
		}
		if _, err := c.Do(ctx, func(*Message) error { return nil }, nil, "m", nil); err != why {
			t.Errorf("without ended: %v", err)
		}
	})
}

func TestCallsClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Calls
		gone := errors.New("the connection has ended")
		errs := make(chan error)
		for range 3 {
			go func() {
				_, err := c.Do(t.Context(), func(*Message) error { return nil }, nil, "m", nil)
				errs <- err
			}()
		}
		synctest.Wait()
		c.Close(gone)
		c.Close(errors.New("another reason"))
		for range 3 {
			if err := <-errs; err != gone {
				t.Errorf("a waiting call ended with %v", err)
			}
		}
		sent := false
		_, err := c.Do(t.Context(), func(*Message) error { sent = true; return nil }, nil, "m", nil)
		if err != gone || sent {
			t.Errorf("a later call: %v, sent %v", err, sent)
		}
		if c.Answer(&Message{ID: "1", Result: []byte(`1`)}) {
			t.Error("an answer after the end found a call")
		}
	})
}

func TestCallsConcurrently(t *testing.T) {
	var c Calls
	requests := make(chan ID, 16)
	var answering sync.WaitGroup
	for range 4 {
		answering.Go(func() {
			for id := range requests {
				c.Answer(&Message{ID: id, Result: []byte(id)})
			}
		})
	}
	var calling sync.WaitGroup
	for range 16 {
		calling.Go(func() {
			for range 50 {
				var id ID
				got, err := c.Do(t.Context(), func(m *Message) error {
					id = m.ID
					requests <- m.ID
					return nil
				}, nil, "m", nil)
				if err != nil || string(got) != string(id) {
					t.Errorf("call %s was answered %s, %v", id, got, err)
				}
			}
		})
	}
	calling.Wait()
	close(requests)
	answering.Wait()
}
