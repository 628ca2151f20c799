package main

import (
	"fmt"
	"slices"
	"time"
)

// When weather is worth an alert, in Celsius and in days.
const (
	heatHigh  = 35
	frostLow  = 0
	coldLow   = -15
	rainSpell = 3
)

// Alert is a warning about the weather of the days ahead.
type Alert struct {
	// Date the alert starts on, as YYYY-MM-DD.
	Date string `json:"date"`
	// Kind of alert: heat, frost, cold (far below freezing) or rain (several
	// wet days in a row).
	Kind string `json:"kind"`
	// Text says what to expect.
	Text string `json:"text"`
}

// alertsFor returns the alerts a forecast gives rise to, in order of date.
func alertsFor(days []outlook, u units) []Alert {
	alerts := make([]Alert, 0) // Not nil, which JSON would show as null.
	add := func(day outlook, kind, text string) {
		alerts = append(alerts, Alert{day.date.Format(time.DateOnly), kind, text})
	}
	for i, day := range days {
		if i == 0 || !days[i-1].sky.wet() { // A wet spell is told of once, where it starts.
			if n := wetDays(days[i:]); n >= rainSpell {
				add(day, "rain", fmt.Sprintf("%d wet days in a row", n))
			}
		}
		if day.high >= heatHigh {
			add(day, "heat", "high of "+u.format(day.high))
		}
		switch {
		case day.low <= coldLow:
			add(day, "cold", "low of "+u.format(day.low))
		case day.low <= frostLow:
			add(day, "frost", "low of "+u.format(day.low))
		}
	}
	return alerts
}

// wetDays returns how many of the first days are wet, up to the first dry one.
func wetDays(days []outlook) int {
	dry := slices.IndexFunc(days, func(o outlook) bool { return !o.sky.wet() })
	if dry < 0 {
		return len(days)
	}
	return dry
}
