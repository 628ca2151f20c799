package main

import (
	"fmt"
	"math"
)

// units is the system of measurement of an answer.
type units string

const (
	metric   units = "metric"
	imperial units = "imperial"
)

// parseUnits returns the units of that name.
func parseUnits(name string) (units, error) {
	switch u := units(name); u {
	case metric, imperial:
		return u, nil
	default:
		return "", fmt.Errorf("unknown units %q: use %s or %s", name, metric, imperial)
	}
}

// temperature converts from Celsius and rounds to one decimal.
func (u units) temperature(celsius float64) float64 {
	if u == imperial {
		celsius = celsius*9/5 + 32
	}
	// Adding zero turns the negative zero that rounding can leave, and JSON
	// would show, into zero.
	return math.Round(celsius*10)/10 + 0
}

// format returns a temperature with its unit.
func (u units) format(celsius float64) string {
	symbol := "°C"
	if u == imperial {
		symbol = "°F"
	}
	return fmt.Sprintf("%.1f %s", u.temperature(celsius), symbol)
}
