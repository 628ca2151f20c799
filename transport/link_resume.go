package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

func (r Retry) withDefaults() Retry {
	r.Attempts = cmp.Or(r.Attempts, 5)
	r.First = cmp.Or(max(r.First, 0), 250*time.Millisecond)
	r.Most = cmp.Or(max(r.Most, 0), 30*time.Second)
	return r
}

// wait returns how long to wait when so many attempts have failed. What the
// server asked for is the least; a little more keeps clients that were cut
// together from coming back together.
func (r Retry) wait(failed int, asked time.Duration) time.Duration {
	d := r.First
	for range failed {
		if d = 2 * d; d >= r.Most {
			d = r.Most
			break
		}
	}
	if asked > 0 && (failed == 0 || asked > d) {
		d = asked
	}
	return d + rand.N(d/8+1)
}

// cursor is where a stream is, for taking it up again.
type cursor struct {
	own    bool          // it is the session's own: nobody waits for an answer in it
	id     string        // of the last event
	retry  time.Duration // that the server asked for
	failed int           // attempts in a row that brought nothing
}

// lasting is how long a stream without an answer lasts that is no failure: one
// that only waits is closed by proxies.
const lasting = time.Second

// note takes over what a response said beside its events.
func (c *cursor) note(r *eventReader, lasted time.Duration) {
	if r.asked {
		c.retry, c.failed = r.retry, 0
	}
	if lasted >= lasting {
		c.failed = 0
	}
}

// again takes up a stream after its last event, which cause has cut, or the
// server has, to be asked again later.
func (l *HTTPLink) again(ctx context.Context, c *cursor, cause error) (*http.Response, error) {
	for c.failed < l.retry.Attempts {
		if err := sleep(ctx, l.retry.wait(c.failed, c.retry)); err != nil {
			return nil, err
		}
		c.failed++
		res, err := l.get(ctx, c.id)
		if err == nil {
			return res, nil
		}
		switch {
		case ctx.Err() != nil:
			return nil, err
		case !passing(err):
			return nil, fmt.Errorf("%w: %w", ErrCut, err)
		}
		cause = err
	}
	return nil, fmt.Errorf("%w, after %d attempts: %w", ErrCut, max(c.failed, 0), cause)
}

// ErrCut says that the server took a request, and the stream of its answer broke:
// what was asked may have been done.
var ErrCut = errors.New("the stream was cut and could not be taken up again")

// get opens a stream after the event with the id, "" for none.
func (l *HTTPLink) get(ctx context.Context, id string) (*http.Response, error) {
	req := l.web.request(ctx, http.MethodGet, l.web.url, nil)
	l.identify(req.Header)
	req.Header.Set("Accept", "text/event-stream")
	if id != "" {
		req.Header.Set("Last-Event-ID", id)
	}
	res, err := l.web.do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK && mediaType(res) == "text/event-stream" {
		return res, nil
	}
	defer res.Body.Close()
	e, _ := l.refusal(req, res)
	if e.Status == http.StatusOK {
		return nil, fmt.Errorf("the response is %q and not an event stream: %w", mediaType(res), e)
	}
	return nil, e
}
