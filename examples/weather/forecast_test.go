package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

// clock returns a clock that stands at noon of a date.
func clock(year int, month time.Month, day int) func() time.Time {
	return func() time.Time { return time.Date(year, month, day, 12, 0, 0, 0, time.UTC) }
}

// forecastFor returns a forecast from normals.
func forecastFor(t *testing.T, p place, now func() time.Time, days int) []outlook {
	t.Helper()
	outlooks, err := normals{now}.forecast(t.Context(), p, days)
	if err != nil {
		t.Fatal(err)
	}
	return outlooks
}

func TestForecastIsDeterministic(t *testing.T) {
	oslo := city(t, "Oslo")
	week := forecastFor(t, oslo, clock(2025, time.February, 27), 7)
	if again := forecastFor(t, oslo, clock(2025, time.February, 27), 7); !slices.Equal(week, again) {
		t.Errorf("asked twice:\n%v\n%v", week, again)
	}
	// The weather of a date does not depend on the day that it is asked on.
	if later := forecastFor(t, oslo, clock(2025, time.March, 1), 5); !slices.Equal(week[2:], later) {
		t.Errorf("asked two days later:\n%v\n%v", week[2:], later)
	}
	if bergen := forecastFor(t, city(t, "Bergen"), clock(2025, time.February, 27), 7); slices.Equal(week, bergen) {
		t.Error("another city has the same weather")
	}
	if next := forecastFor(t, oslo, clock(2026, time.February, 27), 7); slices.Equal(week, next) {
		t.Error("another year has the same weather")
	}
}

func TestForecastStartsTodayInUTC(t *testing.T) {
	kiritimati := time.FixedZone("UTC+14", 14*60*60)
	now := func() time.Time { return time.Date(2026, time.January, 1, 13, 0, 0, 0, kiritimati) }

	days := forecastFor(t, city(t, "Suva"), now, 2)
	for i, want := range []string{"2025-12-31", "2026-01-01"} {
		if got := days[i].date.Format(time.DateOnly); got != want {
			t.Errorf("day %d is %s, want %s", i, got, want)
		}
	}
}

// TestForecastFollowsTheClimate compares a year of weather with the normals
// that it is derived from, in every city.
func TestForecastFollowsTheClimate(t *testing.T) {
	for _, p := range cities(t) {
		var highs, lows, wet float64
		year := forecastFor(t, p, clock(2025, time.January, 1), 365)
		for _, day := range year {
			if metric.temperature(day.high) <= metric.temperature(day.low) {
				t.Errorf("%s: %v", p.City, day)
			}
			highs, lows = highs+day.high, lows+day.low
			if day.sky.wet() {
				wet++
			}
		}
		if diff := highs/365 - sum(p.High)/12; math.Abs(diff) > 1 {
			t.Errorf("%s: highs are %.1f off", p.City, diff)
		}
		if diff := lows/365 - sum(p.Low)/12; math.Abs(diff) > 1 {
			t.Errorf("%s: lows are %.1f off", p.City, diff)
		}
		if diff := wet - sum(p.Rain); math.Abs(diff) > 40 {
			t.Errorf("%s: wet days are %.0f off", p.City, diff)
		}
	}
}

func sum(m months) float64 {
	var total float64
	for _, v := range m {
		total += v
	}
	return total
}

func TestInterpolation(t *testing.T) {
	m := months{0, 28, 3, 4, 5, 6, 7, 8, 9, 10, 30, 61}
	for date, want := range map[string]float64{
		"2025-01-16": 0,                 // The middle of January is its 16th at noon.
		"2025-12-16": 61,                // So is that of December.
		"2025-12-31": 61 - 61*15.0/31,   // Half way down to January of the next year,
		"2026-01-01": 61 - 61*16.0/31,   // and on.
		"2025-02-01": 28 * 16.0 / 29.5,  // The middle of February is the end of its 14th.
		"2025-02-15": 28 - 25*0.5/29.5,  // Just past it,
		"2024-02-15": 28,                // but not in a leap year.
		"2025-11-30": 30 + 31*14.5/30.5, // November is short.
		"2025-12-01": 30 + 31*15.5/30.5, // No jump where the month changes.
		"2025-06-15": 6 - 1*0.5/30.5,    // Before the middle of June,
		"2025-06-16": 6 + 1*0.5/30.5,    // and after.
	} {
		day, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.on(day); math.Abs(got-want) > 1e-9 {
			t.Errorf("on %s: %v, want %v", date, got, want)
		}
	}
}

func TestSkyWords(t *testing.T) {
	for s, want := range map[sky]string{
		clear: "sunny", overcast: "cloudy", 45: "fog", lightRain: "light rain", snow: "snow",
		thunderstorm: "thunderstorm", 42: "unsettled", -1: "unsettled",
	} {
		if got := s.String(); got != want {
			t.Errorf("sky %d is %q, want %q", s, got, want)
		}
	}
	for s, want := range map[sky]bool{clear: false, overcast: false, 48: false, 51: true, snow: true, 99: true} {
		if s.wet() != want {
			t.Errorf("sky %d, %s: wet is %v", s, s, s.wet())
		}
	}
}

func TestSnowFallsNearFreezing(t *testing.T) {
	snowy := func(s sky) bool { return s == lightSnow || s == snow }
	random := city(t, "Oslo").random(time.Unix(0, 0))
	for range 100 {
		if s := wetSky(random, 2); !snowy(s) {
			t.Fatalf("%s at a high of 2 °C", s)
		}
		if s := wetSky(random, 2.1); snowy(s) {
			t.Fatalf("%s at a high of 2.1 °C", s)
		}
	}
}

func TestUnits(t *testing.T) {
	for _, test := range []struct {
		units   units
		celsius float64
		want    float64
		text    string
	}{
		{metric, 21.04, 21, "21.0 °C"},
		{metric, 21.06, 21.1, "21.1 °C"},
		{metric, -0.04, 0, "0.0 °C"},
		{imperial, 0, 32, "32.0 °F"},
		{imperial, 100, 212, "212.0 °F"},
		{imperial, -40, -40, "-40.0 °F"},
		{imperial, 21.3, 70.3, "70.3 °F"},
	} {
		got := test.units.temperature(test.celsius)
		if got != test.want || math.Signbit(got) != math.Signbit(test.want) {
			t.Errorf("%s.temperature(%v) = %v, want %v", test.units, test.celsius, got, test.want)
		}
		if got := test.units.format(test.celsius); got != test.text {
			t.Errorf("%s.format(%v) = %q, want %q", test.units, test.celsius, got, test.text)
		}
	}
}

func TestParseUnits(t *testing.T) {
	for _, u := range []units{metric, imperial} {
		if got, err := parseUnits(string(u)); got != u || err != nil {
			t.Errorf("parseUnits(%q) = %q, %v", u, got, err)
		}
	}
	_, err := parseUnits("kelvin")
	if want := `unknown units "kelvin": use metric or imperial`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
