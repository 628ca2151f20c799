package transport

import (
	"context"
	"net/http"
	"time"

	sse "github.com/tmaxmax/go-sse"
)

// postStream is the event stream that the response to a POST has become. Whoever
// sends writes it, one at a time; in a session it is recorded as well.
type postStream struct {
	reply *postReply
	out   *deadlineWriter
	log   *eventLog     // nil where nothing is kept
	turn  chan struct{} // holds a token while somebody writes; not a mutex, for Send can be told to give up

	// Of whoever has the turn.
	begun   bool
	gone    bool // nothing more is written here
	written time.Time
	beat    *time.Timer
}

// send writes a message, or records it for whoever resumes the stream.
func (s *postStream) send(ctx context.Context, text []byte, last bool) error {
	blankLines(text)
	if s.log != nil {
		if err := s.log.waitRoom(ctx, len(text)); err != nil {
			return err
		}
	}
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.log == nil {
		if s.gone {
			return ErrClientGone
		}
		return s.write(event{text: string(text)})
	}
	e, direct := s.log.add(text, last)
	if s.gone || !direct || s.reply.r.Context().Err() != nil {
		s.drop()
		return nil // it is kept
	}
	return s.write(e)
}

func (s *postStream) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *postStream) unlock() { <-s.turn }

// write writes an event. One that was recorded is not lost if that fails.
func (s *postStream) write(e event) error {
	var err error
	if s.log != nil && !s.begun && s.log.of.prime {
		err = s.put(&sse.Message{ID: sse.ID(s.log.eventID(0))}, "\n")
	}
	if err == nil {
		m := sse.Message{Type: eventMessage}
		if s.log != nil {
			m.ID = sse.ID(s.log.eventID(e.seq))
		}
		err = s.put(&m, e.text)
	}
	if err == nil {
		return nil
	}
	cause := s.cut(err)
	if s.log != nil {
		return nil
	}
	return cause
}

// put writes an event, the first with what comes before it. The data "\n" is an
// empty field; no data is none.
func (s *postStream) put(m *sse.Message, data string) error {
	s.begun = true
	m.AppendData(data)
	if err := s.out.send(m); err != nil {
		return err
	}
	s.written = time.Now()
	if every := s.reply.peer.http.o.KeepAlive; every > 0 && s.beat == nil {
		s.beat = time.AfterFunc(every, s.keepAlive)
	}
	return nil
}

// keepAlive writes a comment if the stream was silent for long enough.
func (s *postStream) keepAlive() {
	s.turn <- struct{}{}
	defer s.unlock()
	if s.gone {
		return
	}
	every := s.reply.peer.http.o.KeepAlive
	if wait := every - time.Since(s.written); wait > 0 {
		s.beat.Reset(wait)
		return
	}
	if s.log != nil && !s.log.isDirect() { // a GET has it
		s.drop()
		return
	}
	if err := s.out.keepAlive(); err != nil {
		s.cut(err)
		return
	}
	s.written = time.Now()
	s.beat.Reset(every)
}

// cut is for a stream that cannot be written: in a session the client can come
// back for the rest; otherwise that is the end of the connection.
func (s *postStream) cut(err error) (cause error) {
	p := s.reply.peer
	if cause = s.out.cause(); notStreamable(err) {
		cause = errNotStreamable
		failStream(s.out.ResponseWriter)
	}
	s.drop()
	if s.log == nil {
		p.Close(cause)
	}
	p.http.logCut(p, cause, err)
	return cause
}

// drop lets nothing more be written here.
func (s *postStream) drop() {
	if s.gone {
		return
	}
	s.gone = true
	if s.beat != nil {
		s.beat.Stop()
	}
	if s.log != nil {
		s.log.leave()
	}
}

// close drops the stream when a write that is under way has ended.
func (s *postStream) close() {
	s.turn <- struct{}{}
	defer s.unlock()
	s.out.extend() // the end of the response is a write as well
	s.drop()
}

// settle returns when a write that is under way has ended.
func (s *postStream) settle() {
	s.turn <- struct{}{}
	s.unlock()
}

// suspend ends the HTTP response in which the stream is written: this one, or
// that of a GET which has resumed it.
func (s *postStream) suspend(retry time.Duration) bool {
	s.turn <- struct{}{}
	defer s.unlock()
	if s.gone || !s.log.isDirect() {
		return s.log.suspend(retry)
	}
	m, data := sse.Message{Retry: retry}, ""
	if !s.begun { // without an id the client could not come back
		m.ID, data = sse.ID(s.log.eventID(0)), "\n"
	}
	if err := s.put(&m, data); err != nil {
		s.cut(err)
	}
	s.drop()
	s.reply.leave()
	return true
}

// write writes a stream to the response of a GET until either ends.
func (rd *reader) write(out *deadlineWriter, r *http.Request, p *Peer) error {
	if err := rd.begin(out); err != nil {
		return err
	}
	every := p.http.o.KeepAlive
	if every <= 0 {
		every = maxWait
	}
	timer := time.NewTimer(every)
	defer timer.Stop()
	defer out.extend() // the end of the response is a write as well
	ended := false
	for {
		e, state := rd.next()
		switch {
		case state == readerWrites:
			m := sse.Message{ID: sse.ID(rd.log.eventID(e.seq)), Type: eventMessage}
			m.AppendData(e.text)
			if err := out.send(&m); err != nil {
				rd.back(e)
				return err
			}
			timer.Reset(every)
			continue
		case state == readerEnds:
			return rd.goodbye(out)
		case ended: // and what was queued before has been written
			return nil
		}
		select {
		case <-rd.wake:
		case <-timer.C:
			if err := out.keepAlive(); err != nil {
				return err
			}
			timer.Reset(every)
		case <-r.Context().Done():
			return nil
		case <-p.ctx.Done():
			ended = true
		}
	}
}

const maxWait = time.Duration(1<<63 - 1)

// begin sends the headers, and an event that says where the stream begins if the
// client cannot know.
func (rd *reader) begin(out *deadlineWriter) error {
	if !rd.fresh || !rd.log.of.prime {
		out.extend()
		return out.stream.Flush()
	}
	m := sse.Message{ID: sse.ID(rd.log.eventID(rd.prime))}
	m.AppendData("\n")
	return out.send(&m)
}

// goodbye tells a client when to come back, if it is to.
func (rd *reader) goodbye(out *deadlineWriter) error {
	if rd.retry <= 0 {
		return nil
	}
	return out.send(&sse.Message{Retry: rd.retry})
}
