package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

// onJuly1 returns the tools on a fixed date.
func onJuly1(t *testing.T) *weather {
	t.Helper()
	return &weather{
		cities:     cities(t),
		forecaster: func() forecaster { return normals{clock(2026, time.July, 1)} },
	}
}

// connected returns the context of a call over a connection with the given
// arguments, in the form of a URL's query.
func connected(t *testing.T, query string) *tool.Context {
	t.Helper()
	args, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return tool.NewContext(t.Context(), tool.Call{
		Args:            tool.NewArgs(args),
		SessionID:       "s1",
		Transport:       "sse",
		ProtocolVersion: "2025-11-25",
	})
}

func TestForecastTool(t *testing.T) {
	w := onJuly1(t)
	for name, test := range map[string]struct {
		connection string
		units      string
		wantUnits  units
		wantFor    string
	}{
		"defaults":             {"", "", metric, "anonymous"},
		"connection's":         {"units=imperial&client_id=me", "", imperial, "me"},
		"call over connection": {"units=imperial", "metric", metric, "anonymous"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.Forecast(connected(t, test.connection), ForecastInput{City: "oslo", Days: 3, Units: test.units})
			if err != nil {
				t.Fatal(err)
			}
			if got.City != "Oslo" || got.Country != "Norway" || got.Units != test.wantUnits || got.For != test.wantFor {
				t.Errorf("got %+v", got)
			}
			if len(got.Days) != 3 || got.Days[0].Date != "2026-07-01" || got.Days[2].Date != "2026-07-03" {
				t.Fatalf("days %+v", got.Days)
			}
			want := city(t, "Oslo").on(time.Date(2026, time.July, 1, 0, 0, 0, 0, time.UTC))
			if got.Days[0] != newDay(want, test.wantUnits) {
				t.Errorf("today is %+v, want %+v", got.Days[0], newDay(want, test.wantUnits))
			}
		})
	}
}

func TestForecastToolJSON(t *testing.T) {
	forecast, err := tool.New(onJuly1(t).Forecast)
	if err != nil {
		t.Fatal(err)
	}
	result, err := forecast.Call(connected(t, "client_id=me"), []byte(`{"city":"Oslo"}`))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(result.Structured)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		City, Country, Units, For string
		Days                      []map[string]any
	}
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if got.City != "Oslo" || got.Country != "Norway" || got.Units != "metric" || got.For != "me" {
		t.Errorf("got %+v", got)
	}
	if len(got.Days) != 3 || len(got.Days[0]) != 4 {
		t.Errorf("days %v, want 3 by default", got.Days)
	}

	for _, arguments := range []string{
		`{}`, `{"city":""}`, `{"city":"Oslo","days":0}`, `{"city":"Oslo","days":8}`, `{"city":"Oslo","units":"kelvin"}`,
	} {
		if _, err := forecast.Call(connected(t, ""), []byte(arguments)); err == nil {
			t.Errorf("no error for %s", arguments)
		}
	}
}

// TestToolErrors checks that callers see what they can do about an error.
func TestToolErrors(t *testing.T) {
	w := onJuly1(t)
	offline := &weather{cities: w.cities, forecaster: func() forecaster { return broken{} }}

	forecast := func(w *weather, connection, city string) error {
		_, err := w.Forecast(connected(t, connection), ForecastInput{City: city, Days: 1})
		return err
	}
	compare := func(cities ...string) error {
		_, err := w.Compare(connected(t, ""), CompareInput{Cities: cities})
		return err
	}
	alerts := func(connection string) error {
		_, err := w.Alerts(connected(t, connection), AlertsInput{City: "Oslo"})
		return err
	}
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"unknown city":  {forecast(w, "", "Osl"), `unknown city "Osl": did you mean Oslo, `},
		"unknown units": {forecast(w, "units=kelvin", "Oslo"), `unknown units "kelvin": use metric or imperial`},
		"no forecast":   {forecast(offline, "", "Oslo"), "no forecast for Oslo: no network"},
		"compare":       {compare("Oslo", "Atlantis"), `unknown city "Atlantis"`},
		"no key":        {alerts(""), "connect with an auth argument"},
		"empty key":     {alerts("auth="), "connect with an auth argument"},
	} {
		t.Run(name, func(t *testing.T) {
			text, ok := tool.UserText(test.err)
			if !ok || !strings.Contains(text, test.want) {
				t.Errorf("the caller sees %q, %v, want %q", text, ok, test.want)
			}
		})
	}
}

// broken is a forecaster that cannot forecast.
type broken struct{}

func (broken) forecast(context.Context, place, int) ([]outlook, error) {
	return nil, errors.New("no network")
}

func TestCompareTool(t *testing.T) {
	got, err := onJuly1(t).Compare(connected(t, "units=imperial"), CompareInput{
		Cities: []string{"oslo", "phoenix", "punta arenas"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Units != imperial || got.Warmest != "Phoenix" || got.Coldest != "Punta Arenas" {
		t.Errorf("got %+v", got)
	}
	if len(got.Cities) != 3 || got.Cities[0].City != "Oslo" || got.Cities[0].Country != "Norway" {
		t.Fatalf("cities %+v", got.Cities)
	}
	for _, c := range got.Cities {
		if c.Today.Date != "2026-07-01" || c.Today.Summary == "" || c.Today.High <= c.Today.Low {
			t.Errorf("%s: %+v", c.City, c.Today)
		}
	}
}

func TestAlertsTool(t *testing.T) {
	got, err := onJuly1(t).Alerts(connected(t, "auth=KEY"), AlertsInput{City: "Phoenix"})
	if err != nil {
		t.Fatal(err)
	}
	if got.City != "Phoenix" || len(got.Alerts) != 7 ||
		got.Alerts[0].Kind != "heat" || got.Alerts[6].Date != "2026-07-07" {
		t.Errorf("got %+v, want heat each day", got)
	}
}

func TestWhoamiTool(t *testing.T) {
	for query, want := range map[string]Identity{
		"":                      {ClientID: "anonymous"},
		"client_id=me":          {ClientID: "me"},
		"client_id=me&auth=KEY": {ClientID: "me", Authenticated: true},
	} {
		want.SessionID, want.Transport, want.ProtocolVersion = "s1", "sse", "2025-11-25"
		if got := Whoami(connected(t, query)); got != want {
			t.Errorf("with %q: %+v, want %+v", query, got, want)
		}
	}
}
