package transport

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthURL(t *testing.T) {
	for _, tt := range []struct{ addr, want string }{
		{":8080", "http://127.0.0.1:8080/healthz"},
		{"0.0.0.0:8080", "http://127.0.0.1:8080/healthz"},
		{"[::]:8080", "http://[::1]:8080/healthz"},
		{"example.com:80", "http://example.com:80/healthz"},
		{"http://0.0.0.0:1/", "http://127.0.0.1:1/healthz"},
		{"http://0.0.0.0", "http://127.0.0.1/healthz"},
		{"https://example.com/a?auth=K", "https://example.com/a/healthz"},
		{"http://u:p@example.com/a/healthz", "http://example.com/a/healthz"},
		{"8080", `error: "8080" is neither a URL nor host:port`},
		{"ftp://example.com", `error: "ftp://example.com" is no http or https URL`},
	} {
		got, err := healthURL(tt.addr)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.addr, got, tt.want)
		}
	}
}

func TestHealthy(t *testing.T) {
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Location", "/elsewhere")
		http.Error(w, "so it is", status)
	}))
	addr := strings.TrimPrefix(srv.URL, "http://")
	for _, status = range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusFound} {
		err := Healthy(t.Context(), addr)
		if ok := err == nil; ok != (status == http.StatusOK) {
			t.Errorf("%d: %v", status, err)
		}
		if err != nil && !strings.HasSuffix(err.Error(), ": so it is") {
			t.Errorf("%d: %v, without what was said", status, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Healthy(ctx, addr); err == nil {
		t.Error("no error although nobody waits")
	}
	srv.Close()
	if err := Healthy(t.Context(), addr); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("of a server that has gone: %v", err)
	}
}
