package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"
)

// outlook is the expected weather of one day, in Celsius.
type outlook struct {
	date      time.Time
	high, low float64
	sky       sky
}

// forecaster tells the weather of a place for a number of days from today.
type forecaster interface {
	forecast(ctx context.Context, p place, days int) ([]outlook, error)
}

// normals derives forecasts from the normals of a place: the climate of the
// season with some weather added. It needs no network, and the answer for a
// city and a date is always the same.
type normals struct {
	now func() time.Time
}

// forecast implements forecaster. Days are those of UTC.
func (n normals) forecast(_ context.Context, p place, days int) ([]outlook, error) {
	year, month, day := n.now().UTC().Date()
	outlooks := make([]outlook, days)
	for i := range outlooks {
		outlooks[i] = p.on(time.Date(year, month, day+i, 0, 0, 0, 0, time.UTC))
	}
	return outlooks, nil
}

// on returns the weather of the place on a date, which is a midnight in UTC.
func (p place) on(date time.Time) outlook {
	random := p.random(date)
	high, low := p.High.on(date), p.Low.on(date)

	// Weather varies from day to day about as much as the seasons do: little
	// in Singapore, much in Moscow.
	seasons := slices.Max(p.High[:]) - slices.Min(p.High[:])
	mean := (high+low)/2 + between(random, -1, 1)*min(1+0.15*seasons, 5)
	// Scaling the half range, rather than moving the high and the low apart
	// from each other, keeps the high above the low.
	half := (high - low) / 2 * between(random, 0.8, 1.2)

	o := outlook{date: date, high: mean + half, low: mean - half}
	chance := p.Rain.on(date) / float64(daysIn(date))
	if random.Float64() < chance {
		o.sky = wetSky(random, o.high)
	} else {
		o.sky = drySky(random, chance)
	}
	return o
}

// random returns the source of the weather of the place on a date: the same
// numbers for the same city and date, and others for any other.
func (p place) random(date time.Time) *rand.Rand {
	hash := fnv.New64a()
	fmt.Fprint(hash, p.City, date.Format(time.DateOnly))
	return rand.New(rand.NewPCG(hash.Sum64(), 0))
}

// on interpolates between the middles of the months around a date, so that a
// month does not begin with a jump.
func (m months) on(date time.Time) float64 {
	noon := date.Add(12 * time.Hour)
	before, after := middle(date, -1), middle(date, 0)
	if !noon.Before(after) {
		before, after = after, middle(date, 1)
	}
	from, to := m[before.Month()-1], m[after.Month()-1]
	return from + (to-from)*float64(noon.Sub(before))/float64(after.Sub(before))
}

// middle returns the middle of the month that is offset months from date's.
func middle(date time.Time, offset int) time.Time {
	start := time.Date(date.Year(), date.Month()+time.Month(offset), 1, 0, 0, 0, 0, time.UTC)
	return start.Add(start.AddDate(0, 1, 0).Sub(start) / 2)
}

// daysIn returns the number of days in the month of date.
func daysIn(date time.Time) int {
	return time.Date(date.Year(), date.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// wetSky chooses what falls on a rainy day: snow near freezing, and a
// thunderstorm rather than heavy rain in the heat.
func wetSky(random *rand.Rand, high float64) sky {
	strength := random.Float64()
	switch {
	case high <= 2 && strength < 0.6:
		return lightSnow
	case high <= 2:
		return snow
	case strength < 0.6:
		return lightRain
	case strength < 0.9:
		return rain
	case high >= 25:
		return thunderstorm
	default:
		return heavyRain
	}
}

// drySky chooses the clouds of a dry day: more of them in a rainy season.
func drySky(random *rand.Rand, chance float64) sky {
	switch clouds := random.Float64() + chance; {
	case clouds < 0.6:
		return clear
	case clouds < 1:
		return partlyCloudy
	default:
		return overcast
	}
}

// between returns a random number in [low, high).
func between(random *rand.Rand, low, high float64) float64 {
	return low + (high-low)*random.Float64()
}
