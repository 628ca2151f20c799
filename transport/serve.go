package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// farewell is how long clients are refused at least before their connections close.
const farewell = 100 * time.Millisecond

// ListenAndServe serves h on the address until ctx ends, and then shuts down in
// order: calls under way end within the drain time (see [HTTP.Shutdown]), 10 s
// if zero, and only then the listener and the connections close, so that until
// then, and for a tenth of a second at least, a client is told why it is refused:
// one whose connection is closed while it sends cannot know whether its call has
// begun. ready is told the address once it is open. It returns nil after a
// shutdown, or the error that ended it early.
func ListenAndServe(ctx context.Context, addr string, h *HTTP, drain time.Duration, ready func(net.Addr)) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // of small fields, each takes twenty times its length
		ErrorLog:          slog.NewLogLogger(h.o.Logger.Handler(), slog.LevelWarn),
	}
	ready(ln.Addr())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	select {
	case err := <-served:
		return errors.Join(err, srv.Close()) // and every stream with it
	case <-ctx.Done():
	}
	if drain == 0 {
		drain = defaultDrain
	}
	refusing := time.NewTimer(farewell)
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := h.Shutdown(soon); err != nil {
		said := make(chan struct{})
		go func() {
			defer close(said)
			h.o.Logger.Warn("the shutdown cut calls, or streams, that were under way", "after", drain)
		}()
		defer within(said, grace) // a log that nobody reads may be what held the calls up
	}
	<-refusing.C
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if srv.Shutdown(last) != nil {
		return srv.Close() // on what is left: the client of each has been told, or does not read
	}
	return nil
}
