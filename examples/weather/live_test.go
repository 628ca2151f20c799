package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// liveFrom returns a forecaster that asks a handler instead of Open-Meteo.
func liveFrom(t *testing.T, handler http.HandlerFunc) openMeteo {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return openMeteo{baseURL: srv.URL, client: srv.Client()}
}

func TestLive(t *testing.T) {
	var asked *url.URL
	live := liveFrom(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL
		io.WriteString(w, `{"latitude":59.9,"timezone":"Europe/Oslo","daily":{
			"time":["2025-12-31","2026-01-01"],
			"temperature_2m_max":[-1.4,0],"temperature_2m_min":[-8.2,-3.5],"weather_code":[71,3]}}`)
	})

	got, err := live.forecast(t.Context(), place{Lat: 59.91, Lon: -10.75}, 2)
	if err != nil {
		t.Fatal(err)
	}
	newYear := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	want := []outlook{
		{date: newYear.AddDate(0, 0, -1), high: -1.4, low: -8.2, sky: lightSnow},
		{date: newYear, high: 0, low: -3.5, sky: overcast},
	}
	if !slices.Equal(got, want) {
		t.Errorf("forecast\n%v, want\n%v", got, want)
	}

	if asked.Path != "/v1/forecast" {
		t.Errorf("asked %s", asked.Path)
	}
	for key, want := range map[string]string{
		"latitude":      "59.91",
		"longitude":     "-10.75",
		"daily":         "temperature_2m_max,temperature_2m_min,weather_code",
		"forecast_days": "2",
		"timezone":      "auto",
	} {
		if got := asked.Query().Get(key); got != want {
			t.Errorf("asked for %s %q, want %q", key, got, want)
		}
	}
}

func TestLiveErrors(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   []string
	}{
		"status":    {500, `{}`, []string{"500 Internal Server Error", "without --live"}},
		"rejected":  {400, `{"error":true}`, []string{"400 Bad Request", "without --live"}},
		"garbage":   {200, `<html>`, []string{"reading the answer", "without --live"}},
		"empty":     {200, ``, []string{"reading the answer"}},
		"no days":   {200, `{}`, []string{"fewer than 1 days"}},
		"no values": {200, `{"daily":{"time":["2026-01-01"]}}`, []string{"fewer than 1 days"}},
		"too large": {200, strings.Repeat(" ", liveBodyLimit) + `{}`, []string{"reading the answer"}},
		"null": {
			200,
			`{"daily":{"time":["2026-01-01"],"temperature_2m_max":[null],"temperature_2m_min":[1],"weather_code":[0]}}`,
			[]string{"no forecast for 2026-01-01"},
		},
		"bad date": {
			200,
			`{"daily":{"time":["today"],"temperature_2m_max":[2],"temperature_2m_min":[1],"weather_code":[0]}}`,
			[]string{"reading the answer", "today"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			live := liveFrom(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			})
			_, err := live.forecast(t.Context(), place{}, 1)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
}

func TestLiveCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	live := liveFrom(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := live.forecast(ctx, place{}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestLiveTimeout(t *testing.T) {
	live := liveFrom(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	live.client.Timeout = 20 * time.Millisecond
	_, err := live.forecast(t.Context(), place{}, 1)
	if err == nil || !strings.Contains(err.Error(), "Timeout") || !strings.Contains(err.Error(), offlineHint) {
		t.Errorf("error %v, want one about a timeout that says %q", err, offlineHint)
	}
}

func TestNewOpenMeteo(t *testing.T) {
	live := newOpenMeteo()
	if live.client.Timeout != liveTimeout {
		t.Errorf("timeout %v, want %v", live.client.Timeout, liveTimeout)
	}
	if got, want := live.forecastURL(place{}, 1), "https://api.open-meteo.com/v1/forecast?"; !strings.HasPrefix(got, want) {
		t.Errorf("asks %s, want %s", got, want)
	}
}
