package transport

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// maxHealth is how long a server may take to say that it is well.
const maxHealth = 3 * time.Second

// Healthy asks a server that is reached over HTTP whether it is well: nil if its
// healthz endpoint answers 200 within 3 s. addr is a URL, under which healthz is
// looked for, or what [ListenAndServe] was given: a host that stands for all
// addresses (":8080", "0.0.0.0:8080") is asked on loopback. It does not go through
// a proxy. The error names the URL.
func Healthy(ctx context.Context, addr string) error {
	address, err := healthURL(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxHealth)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // what came of it
	return fmt.Errorf("%s answered %s: %s", address, res.Status, strings.TrimSpace(string(said)))
}

func healthURL(addr string) (string, error) {
	if !strings.Contains(addr, "://") {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			return "", fmt.Errorf("%q is neither a URL nor host:port", addr)
		}
		addr = "http://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(addr)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("%q is no http or https URL", addr)
	}
	ip, _ := netip.ParseAddr(u.Hostname())
	switch {
	case u.Hostname() == "", ip.Is4() && ip.IsUnspecified():
		u.Host = withPort("127.0.0.1", u.Port())
	case ip.IsUnspecified():
		u.Host = withPort("::1", u.Port())
	}
	if !strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/healthz") {
		u = u.JoinPath("healthz")
	}
	u.RawQuery, u.User = "", nil // connection arguments are nobody's business here
	return u.String(), nil
}

func withPort(host, port string) string {
	if port == "" {
		if strings.Contains(host, ":") {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, port)
}
