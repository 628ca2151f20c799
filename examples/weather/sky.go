package main

// sky is the weather of a day as a WMO weather interpretation code, the form
// Open-Meteo reports it in.
// See https://open-meteo.com/en/docs#weather_variable_documentation.
type sky int

// The codes a forecast from normals chooses among.
const (
	clear        sky = 0
	partlyCloudy sky = 2
	overcast     sky = 3
	lightRain    sky = 61
	rain         sky = 63
	heavyRain    sky = 65
	lightSnow    sky = 71
	snow         sky = 73
	thunderstorm sky = 95
)

// skyWords holds the words for each code in use.
var skyWords = map[sky]string{
	clear: "sunny", 1: "mostly sunny", partlyCloudy: "partly cloudy", overcast: "cloudy",
	45: "fog", 48: "freezing fog",
	51: "light drizzle", 53: "drizzle", 55: "heavy drizzle",
	56: "freezing drizzle", 57: "freezing drizzle",
	lightRain: "light rain", rain: "rain", heavyRain: "heavy rain",
	66: "freezing rain", 67: "freezing rain",
	lightSnow: "light snow", snow: "snow", 75: "heavy snow", 77: "snow grains",
	80: "light showers", 81: "showers", 82: "heavy showers",
	85: "snow showers", 86: "heavy snow showers",
	thunderstorm: "thunderstorm", 96: "thunderstorm with hail", 99: "thunderstorm with hail",
}

// String returns the words for s.
func (s sky) String() string {
	if words, ok := skyWords[s]; ok {
		return words
	}
	return "unsettled"
}

// wet reports whether s brings rain or snow: from 51 on every code does.
func (s sky) wet() bool { return s >= 51 }
