package main

import (
	"slices"
	"testing"
	"time"
)

func TestAlerts(t *testing.T) {
	start := time.Date(2025, time.June, 29, 0, 0, 0, 0, time.UTC)
	mild := func(s sky) outlook { return outlook{high: 20, low: 10, sky: s} }

	for name, test := range map[string]struct {
		days  []outlook
		units units
		want  []Alert
	}{
		"none": {
			days: []outlook{mild(clear), mild(rain), mild(snow), mild(overcast), {high: 34.9, low: 0.1}},
			want: []Alert{},
		},
		"heat": {
			days: []outlook{mild(clear), {high: 35, low: 22}},
			want: []Alert{{"2025-06-30", "heat", "high of 35.0 °C"}},
		},
		"frost": {
			days: []outlook{{high: 3, low: 0}},
			want: []Alert{{"2025-06-29", "frost", "low of 0.0 °C"}},
		},
		"cold rather than frost": {
			days: []outlook{{high: -9, low: -15}},
			want: []Alert{{"2025-06-29", "cold", "low of -15.0 °C"}},
		},
		"imperial": {
			days:  []outlook{{high: 40, low: 22}},
			units: imperial,
			want:  []Alert{{"2025-06-29", "heat", "high of 104.0 °F"}},
		},
		"a wet spell": {
			days: []outlook{mild(clear), mild(rain), mild(lightRain), mild(95), mild(clear)},
			want: []Alert{{"2025-06-30", "rain", "3 wet days in a row"}},
		},
		"wet to the end": {
			days: []outlook{mild(rain), mild(clear), mild(rain), mild(rain), mild(rain), mild(rain)},
			want: []Alert{{"2025-07-01", "rain", "4 wet days in a row"}},
		},
		"two wet spells and frost": {
			days: []outlook{mild(rain), mild(rain), mild(rain), {high: 5, low: -1}, mild(rain), mild(rain), mild(rain)},
			want: []Alert{
				{"2025-06-29", "rain", "3 wet days in a row"},
				{"2025-07-02", "frost", "low of -1.0 °C"},
				{"2025-07-03", "rain", "3 wet days in a row"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range test.days {
				test.days[i].date = start.AddDate(0, 0, i)
			}
			got := alertsFor(test.days, test.units)
			if got == nil || !slices.Equal(got, test.want) {
				t.Errorf("alerts\n%v, want\n%v", got, test.want)
			}
		})
	}
}
