package bridge

import (
	"context"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/mcp"
)

// watched is a resource whose changes somebody wants to hear of.
type watched struct {
	users int
	stop  func() // nil in a session, where a request ends it
}

// subscribe has the server tell when a resource changes. Each ends with an
// unsubscribe, the last of which tells the server.
func (u *upstream) subscribe(ctx context.Context, c conn, uri string) error {
	u.subs.Lock()
	defer u.subs.Unlock()
	if w := u.watched[uri]; w != nil {
		w.users++
		return nil
	}
	w, err := u.newWatched(ctx, c, uri)
	if err != nil {
		return err
	}
	if u.watched == nil {
		u.watched = make(map[string]*watched)
	}
	u.watched[uri] = w
	return nil
}

func (u *upstream) newWatched(ctx context.Context, c conn, uri string) (*watched, error) {
	w := &watched{users: 1}
	var err error
	if c.Server().Stateless() {
		w.stop, err = c.Subscribe(ctx, uri, func() {})
	} else {
		_, err = c.Do(ctx, mcp.Subscribe, uriParams(uri))
	}
	return w, err
}

// unsubscribe ends one subscribe.
func (u *upstream) unsubscribe(ctx context.Context, uri string) error {
	u.subs.Lock()
	defer u.subs.Unlock()
	w := u.watched[uri]
	if w == nil {
		return nil
	}
	if w.users--; w.users > 0 {
		return nil
	}
	delete(u.watched, uri)
	u.mu.Lock()
	c := u.now
	u.mu.Unlock()
	if c == nil { // and who is started next is not asked
		return nil
	}
	if w.stop != nil {
		w.stop()
		return nil
	}
	_, err := c.Do(ctx, mcp.Unsubscribe, uriParams(uri))
	return err
}

// forgetTime is how long a server may take to be told that nobody wants to hear of
// a resource any more.
const forgetTime = 2 * time.Second

// forget ends one subscribe of somebody who has gone. If it fails, changes are told
// to nobody.
func (u *upstream) forget(uri string) {
	ctx, cancel := context.WithTimeout(u.ctx, forgetTime)
	defer cancel()
	_ = u.unsubscribe(ctx, uri)
}

// rewatch subscribes again, at a server that was started again. A resource that it
// does not have any more is nobody's to hear of.
func (u *upstream) rewatch(ctx context.Context, c conn) error {
	u.subs.Lock()
	defer u.subs.Unlock()
	for uri, old := range u.watched {
		w, err := u.newWatched(ctx, c, uri)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			delete(u.watched, uri)
			continue
		}
		w.users = old.users
		u.watched[uri] = w
	}
	return nil
}

func uriParams(uri string) []byte {
	return append(append([]byte(`{"uri":`), quote(uri)...), '}')
}

// setLevel sets the level of the server's log messages.
func (u *upstream) setLevel(ctx context.Context, c conn, level string) error {
	u.level.Lock()
	defer u.level.Unlock()
	if level == u.levelNow {
		return nil
	}
	if err := c.SetLevel(ctx, level); err != nil {
		return err
	}
	u.levelNow = level
	return nil
}
