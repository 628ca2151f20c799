package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/bridge"
	"github.com/sessionmcp/sessionmcp/transport"
)

const (
	ioTime    = 30 * time.Second // for the body of a request, and for the response
	drainTime = 10 * time.Second // for calls under way when the proxy ends
	closeTime = 10 * time.Second // for the upstreams to end, behind that
)

// proxyStdio offers the one server on standard input and output.
func (p *program) proxyStdio(ctx context.Context, plan *proxyPlan) error {
	b, err := plan.offers[0].newBridge()
	if err != nil {
		return err
	}
	out := p.out
	if out == os.Stdout {
		taken, restore, err := transport.TakeStdout()
		if err != nil {
			return err
		}
		defer restore()
		out = taken
	}
	err = transport.ServeStdio(ctx, new(transport.Table), b.Accept, p.in, out, transport.StdioOptions{
		Args:  plan.flags.args.Values(),
		Drain: drainTime,
	})
	closeBridges(ctx, plan.logger, b)
	if refusal, ok := errors.AsType[*transport.Refusal](err); ok {
		return usagef("%s; on standard input, connection arguments are given with --arg name=value", refusal.Reason)
	}
	if errors.Is(err, transport.ErrClientGone) { // is how a client may end it
		return nil
	}
	return err
}

// closeBridges ends all upstreams.
func closeBridges(ctx context.Context, logger *slog.Logger, bridges ...*bridge.Bridge) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	var all sync.WaitGroup
	for _, b := range bridges {
		all.Go(func() {
			if err := b.Close(ctx); err != nil {
				logger.Warn("an upstream did not end", "server", b.Status().Name, "error", err)
			}
		})
	}
	all.Wait()
}

// proxyHTTP offers the servers over HTTP until ctx ends, and then lets calls under
// way end, and the upstreams.
func (p *program) proxyHTTP(ctx context.Context, plan *proxyPlan) error {
	f, err := newFront(plan)
	if err != nil {
		return err
	}
	defer f.close(ctx)
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", plan.addr)
	if err != nil {
		return fmt.Errorf("%w: see --port; 0 picks a free one", err)
	}
	srv := &http.Server{
		Handler:           f,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // as transport.ListenAndServe
		ErrorLog:          slog.NewLogLogger(plan.logger.Handler(), slog.LevelWarn),
	}
	f.warnIfOpen(ln.Addr())
	f.announce(p.err, ln.Addr())
	end := make(chan error, 1)
	go func() { end <- srv.Serve(ln) }()
	select {
	case err := <-end:
		return errors.Join(err, srv.Close())
	case <-ctx.Done():
	}
	f.drain(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if srv.Shutdown(last) != nil {
		return srv.Close() // on what is left: the client of each has been told, or does not read
	}
	return nil
}

// drain lets the calls of all servers end, as long as there is time.
func (f *front) drain(ctx context.Context) {
	f.draining.Store(true)
	soon, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range f.served {
		if s.http == nil {
			continue
		}
		all.Go(func() {
			if err := s.http.Shutdown(soon); err != nil {
				f.plan.logger.Warn("the shutdown cut calls, or streams, that were under way", "server", s.name, "after", drainTime)
			}
		})
	}
	all.Wait()
}

func (f *front) close(ctx context.Context) {
	var bridges []*bridge.Bridge
	for _, s := range f.served {
		if s.bridge != nil {
			bridges = append(bridges, s.bridge)
		}
	}
	closeBridges(ctx, f.plan.logger, bridges...)
}

// warnIfOpen tells of a proxy that others can reach and that asks for no key.
func (f *front) warnIfOpen(addr net.Addr) {
	host, _, _ := net.SplitHostPort(addr.String())
	ip, err := netip.ParseAddr(host)
	if err == nil && !ip.Unmap().IsLoopback() && len(f.plan.keys.keys) == 0 {
		f.plan.logger.Warn("whoever reaches this address can use the servers: see --api-key", "address", addr.String())
	}
}

// announce prints where the servers are, and what to paste into a client.
func (f *front) announce(w io.Writer, addr net.Addr) {
	base := "http://" + addr.String()
	if host, port, err := net.SplitHostPort(addr.String()); err == nil && net.ParseIP(host).IsUnspecified() {
		base = "http://" + net.JoinHostPort("localhost", port)
	}
	prefix := base + strings.TrimSuffix(f.plan.flags.path, "/") + "/"
	var text strings.Builder
	paste := ""
	for _, s := range f.served {
		if s.failure != nil {
			continue
		}
		at := s.bridge.Status()
		name := at.Name
		if name == "" {
			name = shortName(at.Target)
		}
		fmt.Fprintf(&text, "%s\n  HTTP    %s%s\n  SSE     %[2]s%[4]s\n", name, prefix+place(s.name), "mcp", "sse")
		if paste == "" {
			paste = fmt.Sprintf("  {\"mcpServers\": {%q: {\"url\": \"%smcp\"}}}\n", name, prefix+place(s.name))
		}
	}
	fmt.Fprintf(w, "%s  status  %s/status\nTo connect a client, paste this into its configuration; connection arguments follow the URL, as in ?name=value:\n%s", text.String(), base, paste)
}

// shortName is what a target is called where it has no name of its own.
func shortName(target string) string {
	if u, err := url.Parse(target); err == nil && u.Host != "" {
		return u.Hostname()
	}
	target = strings.ReplaceAll(target, `\`, "/")
	return strings.TrimSuffix(target[strings.LastIndexByte(target, '/')+1:], ".exe")
}
