package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// liveTimeout bounds a request to Open-Meteo, which usually answers in
	// well under a second.
	liveTimeout = 5 * time.Second
	// liveBodyLimit bounds its answer, which is about 1 kB.
	liveBodyLimit = 64 << 10
	// offlineHint ends the errors a network can cause.
	offlineHint = "without --live no network is needed"
)

// openMeteo asks the Open-Meteo API for real forecasts. It needs no key and is
// free for uses that are not commercial.
type openMeteo struct {
	baseURL string
	client  *http.Client
}

// newOpenMeteo returns a forecaster that asks the public API.
func newOpenMeteo() openMeteo {
	return openMeteo{
		baseURL: "https://api.open-meteo.com",
		client:  &http.Client{Timeout: liveTimeout},
	}
}

// forecast implements forecaster. Days are those of the place.
func (m openMeteo) forecast(ctx context.Context, p place, days int) ([]outlook, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.forecastURL(p, days), nil)
	if err != nil {
		return nil, fmt.Errorf("asking Open-Meteo: %w", err)
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking Open-Meteo: %w (%s)", err, offlineHint)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("Open-Meteo answered %s (%s)", resp.Status, offlineHint)
	}

	var answer openMeteoAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, liveBodyLimit)).Decode(&answer); err != nil {
		return nil, fmt.Errorf("reading the answer of Open-Meteo: %w (%s)", err, offlineHint)
	}
	return answer.outlooks(days)
}

// forecastURL returns the URL of the forecast for a place.
func (m openMeteo) forecastURL(p place, days int) string {
	query := url.Values{
		"latitude":      {strconv.FormatFloat(p.Lat, 'f', -1, 64)},
		"longitude":     {strconv.FormatFloat(p.Lon, 'f', -1, 64)},
		"daily":         {"temperature_2m_max,temperature_2m_min,weather_code"},
		"forecast_days": {strconv.Itoa(days)},
		"timezone":      {"auto"},
	}
	return m.baseURL + "/v1/forecast?" + query.Encode()
}

// openMeteoAnswer is the part of the API's answer that is asked for: one value
// a day in each list, null where the API has none.
type openMeteoAnswer struct {
	Daily struct {
		Time []string   `json:"time"`
		High []*float64 `json:"temperature_2m_max"`
		Low  []*float64 `json:"temperature_2m_min"`
		Sky  []*sky     `json:"weather_code"`
	} `json:"daily"`
}

// outlooks returns the days of the answer, of which there must be as many as
// were asked for.
func (a openMeteoAnswer) outlooks(days int) ([]outlook, error) {
	d := a.Daily
	if min(len(d.Time), len(d.High), len(d.Low), len(d.Sky)) < days {
		return nil, fmt.Errorf("Open-Meteo answered for fewer than %d days", days)
	}
	outlooks := make([]outlook, days)
	for i := range outlooks {
		date, err := time.Parse(time.DateOnly, d.Time[i])
		if err != nil {
			return nil, fmt.Errorf("reading the answer of Open-Meteo: %w", err)
		}
		if d.High[i] == nil || d.Low[i] == nil || d.Sky[i] == nil {
			return nil, fmt.Errorf("Open-Meteo has no forecast for %s", d.Time[i])
		}
		outlooks[i] = outlook{date: date, high: *d.High[i], low: *d.Low[i], sky: *d.Sky[i]}
	}
	return outlooks, nil
}
