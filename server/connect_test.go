package server_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/server"
	"github.com/sessionmcp/sessionmcp/server/servertest"
	"github.com/sessionmcp/sessionmcp/tool"
	"github.com/sessionmcp/sessionmcp/transport"
)

type config struct {
	Auth  tool.Secret   `arg:"auth,required"`
	Limit int           `arg:"limit" default:"10"`
	Wait  time.Duration `arg:"wait"`
	Tags  []string      `arg:"tag"`
}

// refusal returns what a server says to a connection that it does not accept.
func refusal(t *testing.T, h *servertest.Harness, o servertest.Options) (status int, text string, header http.Header) {
	t.Helper()
	_, err := h.Dial(o)
	if e, ok := errors.AsType[*servertest.RefusedError](err); ok {
		return e.Status, e.Body, e.Header
	}
	if e, ok := errors.AsType[*transport.Refusal](err); ok {
		return e.Status, e.Reason, e.Header
	}
	t.Fatalf("dialing: %v, want a refusal", err)
	return 0, "", nil
}

// TestArgsPrototype: a connection whose arguments do not bind is refused, with
// the names and never the values; one whose do is bound once, for every call.
func TestArgsPrototype(t *testing.T) {
	srv := server.New("prototype", "1", server.Options{Args: config{}, Logger: quiet})
	srv.Tool(func(ctx *tool.Context) string {
		args := tool.ArgsOf[config](ctx)
		return fmt.Sprintf("%s %d %v %v", args.Auth.Reveal(), args.Limit, args.Wait, args.Tags)
	}, tool.Name("args"))
	h := servertest.Start(t, srv)
	for _, via := range transports[:3] {
		for _, tt := range []struct {
			args url.Values
			want string // what the tool says, or the refusal
			ok   bool
		}{
			{url.Values{"auth": {"K"}}, "K 10 0s []", true},
			{url.Values{"auth": {"K"}, "limit": {"3"}, "wait": {"1m30s"}, "tag": {"a", "b"}}, "K 3 1m30s [a b]", true},
			{url.Values{"limit": {"3"}}, "connection arguments: auth: missing", false},
			{url.Values{"limit": {"PLANTED"}, "wait": {"PLANTED"}},
				"connection arguments: auth: missing; limit: expected an integer; wait: expected a duration such as ", false},
		} {
			if tt.ok {
				c := h.Connect(servertest.Options{Transport: via, Args: tt.args})
				if got := c.Call("args", nil).Text(); got != tt.want {
					t.Errorf("%s: got %q, want %q", via, got, tt.want)
				}
				continue
			}
			status, text, _ := refusal(t, h, servertest.Options{Transport: via, Args: tt.args})
			if status != http.StatusBadRequest || !strings.Contains(text, tt.want) || strings.Contains(text, "PLANTED") {
				t.Errorf("%s: %d %s, want 400 with %q", via, status, text, tt.want)
			}
		}
	}
}

func TestArgsPrototypeUnusable(t *testing.T) {
	defer func() {
		if text := fmt.Sprint(recover()); !strings.Contains(text, "Options.Args") || !strings.Contains(text, "C") {
			t.Errorf("the panic is %q", text)
		}
	}()
	server.New("unusable", "1", server.Options{Args: struct{ C chan int }{}})
	t.Error("no panic")
}

// TestAuthenticate: who may connect is decided before the stream has a byte, and
// is the principal of every call.
func TestAuthenticate(t *testing.T) {
	srv := server.New("auth", "1", server.Options{
		Logger: quiet,
		Authenticate: func(c *server.Connect) (any, error) {
			switch key := c.Args.Get("auth"); key {
			case "":
				return nil, errors.New("internal: the vault has no row")
			case "blocked":
				return nil, fmt.Errorf("%w: %w", server.ErrForbidden, tool.Errorf("ask for an account"))
			case "typo":
				return nil, tool.Errorf("the key typo is none of ours")
			case "boom":
				panic("at the authenticator")
			default:
				return "user-" + key, nil
			}
		},
	})
	srv.Tool(func(ctx *tool.Context) string { return fmt.Sprint(ctx.Principal()) }, tool.Name("principal"))
	h := servertest.Start(t, srv)
	for _, via := range transports[:3] {
		for _, tt := range []struct {
			auth   string
			status int
			text   string
		}{
			{"", http.StatusUnauthorized, "unauthorized"},
			{"blocked", http.StatusForbidden, "ask for an account"},
			{"typo", http.StatusUnauthorized, "the key [redacted] is none of ours"},
			{"boom", http.StatusInternalServerError, "internal error"},
		} {
			args := url.Values{}
			if tt.auth != "" {
				args.Set("auth", tt.auth)
			}
			status, text, header := refusal(t, h, servertest.Options{Transport: via, Args: args})
			if status != tt.status || !strings.Contains(text, tt.text) || strings.Contains(text, "vault") {
				t.Errorf("%s, %q: %d %s, want %d with %q", via, tt.auth, status, text, tt.status, tt.text)
			}
			if challenged := header.Get("WWW-Authenticate") != ""; challenged != (status == http.StatusUnauthorized) {
				t.Errorf("%s, %q: %d with WWW-Authenticate %q", via, tt.auth, status, header.Get("WWW-Authenticate"))
			}
		}
		c := h.Connect(servertest.Options{Transport: via, Args: url.Values{"auth": {"ann"}}})
		if got := c.Call("principal", nil).Text(); got != "user-ann" {
			t.Errorf("%s: the principal is %q", via, got)
		}
	}
	c := h.Connect(servertest.Options{Transport: servertest.SSE, Header: http.Header{"Authorization": {"bearer ann"}}})
	if got := c.Call("principal", nil).Text(); got != "user-ann" {
		t.Errorf("by header: the principal is %q", got)
	}
}

// TestAuthenticateRefusal: who decides may say it all, headers too, as a server
// does whose keys are tokens of somebody else (2026-07-28, authorization).
func TestAuthenticateRefusal(t *testing.T) {
	const challenge = `Bearer error="insufficient_scope", resource_metadata="https://example.com/.well-known/oauth-protected-resource"`
	refusals := map[string]*transport.Refusal{
		"expired": {Status: http.StatusUnauthorized, Reason: "the key expired is too old"},
		"narrow":  {Status: http.StatusForbidden, Reason: "more is needed", Header: http.Header{"Www-Authenticate": {challenge}}},
		"eager":   {Status: http.StatusTooManyRequests, Reason: "not so often", Header: http.Header{"Retry-After": {"7"}}},
	}
	srv := server.New("auth", "1", server.Options{Logger: quiet, Authenticate: func(c *server.Connect) (any, error) {
		return nil, fmt.Errorf("no: %w", refusals[c.Args.Get("auth")])
	}})
	h := servertest.Start(t, srv)
	for _, via := range transports[:3] {
		for _, tt := range []struct {
			auth       string
			status     int
			text       string
			says, wait string // WWW-Authenticate, Retry-After
		}{
			{"expired", http.StatusUnauthorized, "the key [redacted] is too old", "Bearer", ""},
			{"narrow", http.StatusForbidden, "more is needed", challenge, ""},
			{"eager", http.StatusTooManyRequests, "not so often", "", "7"},
		} {
			status, text, header := refusal(t, h, servertest.Options{Transport: via, Args: url.Values{"auth": {tt.auth}}})
			if status != tt.status || !strings.Contains(text, tt.text) {
				t.Errorf("%s, %q: %d %s, want %d with %q", via, tt.auth, status, text, tt.status, tt.text)
			}
			if got := strings.Join(header.Values("WWW-Authenticate"), "|"); got != tt.says || header.Get("Retry-After") != tt.wait {
				t.Errorf("%s, %q: WWW-Authenticate %q, Retry-After %q", via, tt.auth, got, header.Get("Retry-After"))
			}
		}
	}
	if own := refusals["expired"].Header; own != nil {
		t.Errorf("the author's refusal was changed: %v", own)
	}
}

// TestAuthenticateStdio: a stdio client that may not connect is the error of
// serving.
func TestAuthenticateStdio(t *testing.T) {
	t.Setenv("MCP_ARG_REGION", "north")
	t.Setenv("WEATHER_KEY", "from-env")
	var seen tool.Args
	srv := server.New("stdio", "1", server.Options{
		Logger: quiet,
		ArgEnv: map[string]string{"WEATHER_KEY": "auth"},
		Authenticate: func(c *server.Connect) (any, error) {
			seen = c.Args
			return nil, server.ErrForbidden
		},
	})
	err := srv.ServeStreams(t.Context(), strings.NewReader(""), io.Discard, url.Values{"client_id": {"me"}})
	if e, ok := errors.AsType[*transport.Refusal](err); !ok || e.Status != http.StatusForbidden {
		t.Errorf("serving returned %v", err)
	}
	if seen.Get("auth") != "from-env" || seen.Get("region") != "north" || seen.Get("client_id") != "me" {
		t.Errorf("the arguments are %v", seen.Names())
	}
}

// TestSessionLimits: sessions in all, and of one principal, have a limit; an end
// makes room.
func TestSessionLimits(t *testing.T) {
	srv := server.New("limits", "1", server.Options{
		Logger: quiet,
		Limits: server.Limits{Sessions: 4, SessionsPerPrincipal: 2},
	})
	h := servertest.Start(t, srv)
	as := func(key string) servertest.Options {
		return servertest.Options{Transport: servertest.SSE, Args: url.Values{"auth": {key}}}
	}
	first := h.Connect(as("a"))
	h.Connect(as("a"))
	full := func(o servertest.Options, want string) {
		t.Helper()
		status, text, header := refusal(t, h, o)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(text, want) {
			t.Errorf("%d %s, want 503 with Retry-After and %q", status, text, want)
		}
	}
	full(as("a"), "one principal")
	h.Connect(as("b"))
	h.Connect(as("b"))
	full(as("c"), "too many sessions")
	first.Close()
	for { // the server sees the end a moment later
		c, err := h.Dial(as("a"))
		if err == nil {
			c.Close()
			break
		}
	}
}
