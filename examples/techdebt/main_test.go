package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/server/servertest"
)

func as(key string) servertest.Options {
	return servertest.Options{Args: url.Values{"auth": {key}}}
}

// debt returns the arguments of collect_tech_debt.
func debt(name string) map[string]any {
	return map[string]any{
		"concept_name":        name,
		"concept_description": "a failed request is not tried again",
		"code":                "resp, _ := http.Get(url)",
		"file_path":           "client/get.go",
		"start_line":          12,
		"end_line":            12,
		"references":          []string{"client/retry.go"},
		"project_context":     "the service behind url restarts often",
	}
}

func collect(t *testing.T, c *servertest.Client, debt map[string]any) {
	t.Helper()
	if res := c.Call("collect_tech_debt", debt); res.IsError {
		t.Fatalf("collecting %.100q: %s", debt["concept_name"], res.Text())
	}
}

// names returns what list_tech_debts says the caller has.
func names(t *testing.T, c *servertest.Client) []string {
	t.Helper()
	var list List
	if err := c.Call("list_tech_debts", nil).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if list.Debts == nil {
		t.Error("debts is null, want an array")
	}
	var names []string
	for _, d := range list.Debts {
		names = append(names, d.ConceptName)
	}
	return names
}

func TestCallersSeeOnlyTheirOwn(t *testing.T) {
	h := servertest.Start(t, newServer())
	one, two := h.Connect(as("KEY-1")), h.Connect(as("KEY-2"))
	collect(t, one, debt("no retries"))
	collect(t, two, debt("no tests"))
	collect(t, one, debt("no timeout"))

	if got, want := names(t, one), []string{"no retries", "no timeout"}; !slices.Equal(got, want) {
		t.Errorf("the first caller has %q, want %q", got, want)
	}
	if got, want := names(t, two), []string{"no tests"}; !slices.Equal(got, want) {
		t.Errorf("the second caller has %q, want %q", got, want)
	}
	if got := names(t, h.Connect(as("KEY-3"))); got != nil {
		t.Errorf("a new key has %q, want nothing", got)
	}
	// The list belongs to the key, not to the connection.
	if got := names(t, h.Connect(as("KEY-1"))); len(got) != 2 {
		t.Errorf("the first key's second connection has %q, want both debts", got)
	}
}

func TestRefusedWithoutKey(t *testing.T) {
	h := servertest.Start(t, newServer())
	for _, tt := range []struct {
		name   string
		args   url.Values
		status int
	}{
		{"missing", nil, http.StatusBadRequest},
		{"empty", url.Values{"auth": {""}}, http.StatusUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.Dial(servertest.Options{Transport: servertest.SSE, Args: tt.args})
			var refused *servertest.RefusedError
			if !errors.As(err, &refused) || refused.Status != tt.status || !strings.Contains(refused.Body, "auth") {
				t.Errorf("connecting: %v, want a %d that names auth", err, tt.status)
			}
		})
	}
}

func TestEndBeforeStart(t *testing.T) {
	c := servertest.Connect(t, newServer(), as("KEY"))
	d := debt("upside down")
	d["end_line"] = 11
	if res := c.Call("collect_tech_debt", d); !res.IsError || !strings.Contains(res.Text(), "end_line 11") {
		t.Errorf("got %q, want an error that names end_line", res.Text())
	}
	if got := names(t, c); got != nil {
		t.Errorf("stored %q", got)
	}
}

func TestOldestMakeRoom(t *testing.T) {
	c := servertest.Connect(t, newServer(), as("KEY"))
	d := debt("")
	d["code"] = strings.Repeat("x", maxBytes/3) // two of them fit, with the rest of a debt
	for i := range 4 {
		d["concept_name"] = fmt.Sprint(i)
		collect(t, c, d)
	}
	if got, want := names(t, c), []string{"2", "3"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	d["code"] = strings.Repeat("x", maxBytes)
	if res := c.Call("collect_tech_debt", d); !res.IsError {
		t.Error("stored a debt that is larger than the limit")
	}
}

func TestKeysAreLimited(t *testing.T) {
	h := servertest.Start(t, newServer())
	for i := range maxKeys {
		c := h.Connect(as(fmt.Sprint("KEY-", i)))
		collect(t, c, debt("one"))
		c.Close()
	}
	if res := h.Connect(as("one too many")).Call("collect_tech_debt", debt("one")); !res.IsError {
		t.Error("a new key stored something on a full server")
	}
	collect(t, h.Connect(as("KEY-0")), debt("two")) // who is in stays in
}
