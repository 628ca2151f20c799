package hostile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"
)

// A mark stands in all that one session sends, or that its user does: none is
// part of another, and no random text that a server makes can look like one, for
// a tilde is neither in base64 nor in a UUID.
const markLen = len("s~0000~")

func sessionMark(n int) string { return fmt.Sprintf("s~%04d~", n) }
func userMark(n int) string    { return fmt.Sprintf("u~%04d~", n) }

// isMark reports whether b begins with a mark.
func isMark(b []byte) bool {
	if len(b) < markLen || b[0] != 's' && b[0] != 'u' || b[1] != '~' || b[markLen-1] != '~' {
		return false
	}
	for _, c := range b[2 : markLen-1] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// oracle sees every byte that one session receives, and knows what may be in it.
// It keeps the messages that are no answers.
type oracle struct {
	session, user string // its marks

	mu      sync.Mutex
	seen    int64
	own     int      // marks that were its own
	foreign []string // others, with what stands around them
	notes   map[string][]json.RawMessage
	arrived chan struct{} // closed and replaced when a message has come
}

func newOracle(session, user string) *oracle {
	return &oracle{session: session, user: user, notes: make(map[string][]json.RawMessage), arrived: make(chan struct{})}
}

// sight is what an oracle sees of one stream, piece by piece.
type sight struct {
	o    *oracle
	tail []byte // the end of what came before: a mark may come in two pieces
}

// Write implements [io.Writer].
func (s *sight) Write(p []byte) (int, error) {
	text := append(s.tail, p...)
	s.o.see(text, len(p))
	s.tail = append([]byte(nil), text[max(0, len(text)-markLen+1):]...)
	return len(p), nil
}

// see looks for marks in a text, of which so much is new.
func (o *oracle) see(text []byte, news int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen += int64(news)
	for i := range text {
		switch {
		case !isMark(text[i:]):
		case string(text[i:i+markLen]) == o.session, string(text[i:i+markLen]) == o.user:
			o.own++
		default:
			o.foreign = append(o.foreign, string(text[max(0, i-200):min(len(text), i+200)]))
		}
	}
}

// tap sees one message; it is servertest's Options.Tap.
func (o *oracle) tap(text []byte) {
	o.see(text, len(text))
	o.note(text)
}

// note keeps a message, or each of a batch, by its method; an answer as "".
func (o *oracle) note(text []byte) {
	var all []json.RawMessage
	if bytes.HasPrefix(text, []byte("[")) {
		_ = json.Unmarshal(text, &all)
	} else {
		all = []json.RawMessage{text}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range all {
		var m struct {
			Method string
			Params json.RawMessage
		}
		if err := json.Unmarshal(one, &m); err != nil {
			o.foreign = append(o.foreign, fmt.Sprintf("what is no message (%v): %.200s", err, one))
		}
		if m.Method == "" {
			m.Params = one
		}
		o.notes[m.Method] = append(o.notes[m.Method], bytes.Clone(m.Params))
	}
	close(o.arrived)
	o.arrived = make(chan struct{})
}

// count is how many messages of a method have come.
func (o *oracle) count(method string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.notes[method])
}

// await waits until n messages of a method have come, and returns them all.
func (o *oracle) await(method string, n int) ([]json.RawMessage, error) {
	late := time.After(calm)
	for {
		o.mu.Lock()
		all, arrived := o.notes[method], o.arrived
		o.mu.Unlock()
		if len(all) >= n {
			return all, nil
		}
		select {
		case <-arrived:
		case <-late:
			return nil, fmt.Errorf("after %s there are %d of %s, and not %d", calm, len(all), method, n)
		}
	}
}

// verdict reports what came that is another's.
func (o *oracle) verdict(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.foreign) > 0 {
		t.Errorf("session %s of %s received %d times what is another's, first\n%s", o.session, o.user, len(o.foreign), o.foreign[0])
	}
	if o.own == 0 {
		t.Errorf("session %s of %s received %d bytes and nothing of its own: the test sees nothing", o.session, o.user, o.seen)
	}
}

// TestOracle: the mark of another session is found wherever the bytes are cut, and
// the session's own is none.
func TestOracle(t *testing.T) {
	text := []byte("data: " + sessionMark(1) + " " + userMark(0) + " s~12~ s~" + sessionMark(2) + "u~0~")
	for cut := range text {
		o := newOracle(sessionMark(1), userMark(0))
		s := &sight{o: o}
		_, _ = s.Write(text[:cut])
		_, _ = s.Write(text[cut:])
		if o.own != 2 || len(o.foreign) != 1 || o.seen != int64(len(text)) {
			t.Errorf("cut at %d: %d own, others %q", cut, o.own, o.foreign)
		}
	}
}
