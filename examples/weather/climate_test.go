package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

// cities returns the embedded atlas.
func cities(t *testing.T) atlas {
	t.Helper()
	a, err := readAtlas(strings.NewReader(normalsCSV))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// city returns a place of the embedded atlas.
func city(t *testing.T, name string) place {
	t.Helper()
	p, err := cities(t).find(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNormals(t *testing.T) {
	a := cities(t)
	if len(a) < 60 {
		t.Errorf("%d cities, want 60 at least", len(a))
	}
	seen := make(map[string]bool)
	for _, p := range a {
		t.Run(p.City, func(t *testing.T) {
			if name := fold(p.City); seen[name] || name == "" || p.Country == "" {
				t.Errorf("%q, %q: a name that is empty or not unique", p.City, p.Country)
			}
			seen[fold(p.City)] = true
			if math.Abs(p.Lat) > 90 || math.Abs(p.Lon) > 180 {
				t.Errorf("position %v, %v", p.Lat, p.Lon)
			}
			checkMonths(t, p)
			checkSeasons(t, p)
		})
	}
}

func checkMonths(t *testing.T, p place) {
	t.Helper()
	for month := time.January; month <= time.December; month++ {
		high, low, rain := p.High[month-1], p.Low[month-1], p.Rain[month-1]
		if low < -60 || high <= low || high > 55 {
			t.Errorf("%s: low %v, high %v", month, low, high)
		}
		if most := daysIn(time.Date(2023, month, 1, 0, 0, 0, 0, time.UTC)); rain < 0 || rain > float64(most) {
			t.Errorf("%s: %v rainy days", month, rain)
		}
	}
}

// checkSeasons finds rows whose hemisphere or months are mixed up. Nearer to
// the equator the rains, not the sun, can make the warmest month.
func checkSeasons(t *testing.T, p place) {
	t.Helper()
	const midLatitude = 25
	january, july := p.High[time.January-1], p.High[time.July-1]
	switch {
	case p.Lat > midLatitude && january >= july:
		t.Errorf("northern, with %v in January and %v in July", january, july)
	case p.Lat < -midLatitude && january <= july:
		t.Errorf("southern, with %v in January and %v in July", january, july)
	}
}

func TestNormalsCoverTheWorld(t *testing.T) {
	// A city of each continent, and a corner of the globe each.
	for _, name := range []string{
		"Oslo", "Tokyo", "Lagos", "Toronto", "Buenos Aires", "Sydney", "Honolulu", "Cape Town",
	} {
		city(t, name)
	}
}

func TestReadAtlasErrors(t *testing.T) {
	good := "Oslo,Norway,59.91,10.75,1492" + strings.Repeat(",1.5", 36) + "\n"
	if a, err := readAtlas(strings.NewReader(good)); err != nil || len(a) != 1 {
		t.Fatalf("read %d places, %v", len(a), err)
	}
	for name, test := range map[string]struct{ input, want string }{
		"too few fields":  {"# comment\nOslo,Norway\n", "line 2"},
		"bad temperature": {good + strings.Replace(good, "1.5", "warm", 1), "line 2"},
		"bad rain":        {good + good + strings.TrimSuffix(good, "1.5\n") + "\n", "line 3"},
		"bad latitude":    {"#\n#\n" + strings.Replace(good, "59.91", "north", 1), "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readAtlas(strings.NewReader(test.input))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that names %s", err, test.want)
			}
		})
	}
}
