package main

import (
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

// weather holds what the tools share.
type weather struct {
	cities     atlas
	forecaster func() forecaster
}

// ForecastInput says which city to forecast, and how.
type ForecastInput struct {
	// City to forecast, by its English name, such as Oslo or New York.
	City string `json:"city" jsonschema:"minLength=1"`
	// Days to forecast, counting today.
	Days int `json:"days,omitempty" jsonschema:"minimum=1,maximum=7,default=3"`
	// Units of the temperatures: Celsius if metric, Fahrenheit if imperial.
	// The default is what the connection chose, or else metric.
	Units string `json:"units,omitempty" jsonschema:"enum=metric,enum=imperial"`
}

// ForecastOutput is the forecast for a city.
type ForecastOutput struct {
	City    string `json:"city"`
	Country string `json:"country"`
	// Units the temperatures are in: metric (Celsius) or imperial (Fahrenheit).
	Units units `json:"units"`
	// For is the client_id of whoever asked.
	For string `json:"for"`
	// Days of the forecast, today first.
	Days []Day `json:"days"`
}

// Day is the weather of one day.
type Day struct {
	// Date as YYYY-MM-DD.
	Date string `json:"date"`
	// High is the highest temperature of the day.
	High float64 `json:"high"`
	// Low is the lowest temperature of the day.
	Low float64 `json:"low"`
	// Summary of the weather in a word or two, such as light rain.
	Summary string `json:"summary"`
}

// Forecast gives the weather forecast for a city, day by day from today.
func (w *weather) Forecast(ctx *tool.Context, in ForecastInput) (ForecastOutput, error) {
	u, err := chooseUnits(ctx, in.Units)
	if err != nil {
		return ForecastOutput{}, err
	}
	p, outlooks, err := w.lookUp(ctx, in.City, in.Days)
	if err != nil {
		return ForecastOutput{}, err
	}
	out := ForecastOutput{
		City:    p.City,
		Country: p.Country,
		Units:   u,
		For:     clientID(ctx),
		Days:    make([]Day, len(outlooks)),
	}
	for i, o := range outlooks {
		out.Days[i] = newDay(o, u)
	}
	return out, nil
}

// CompareInput says which cities to compare.
type CompareInput struct {
	// Cities to compare, by their English names.
	Cities []string `json:"cities" jsonschema:"minItems=2,maxItems=5"`
}

// Comparison is the weather of several cities side by side.
type Comparison struct {
	// Units the temperatures are in: metric (Celsius) or imperial (Fahrenheit).
	Units units `json:"units"`
	// Cities in the order they were asked for.
	Cities []CityToday `json:"cities"`
	// Warmest is the city with the highest high.
	Warmest string `json:"warmest"`
	// Coldest is the city with the lowest low.
	Coldest string `json:"coldest"`
}

// CityToday is the weather of a city today.
type CityToday struct {
	City    string `json:"city"`
	Country string `json:"country"`
	// Today in that city.
	Today Day `json:"today"`
}

// Compare puts the weather of today in two to five cities side by side and
// tells which of them is warmest and which is coldest.
func (w *weather) Compare(ctx *tool.Context, in CompareInput) (Comparison, error) {
	u, err := chooseUnits(ctx, "")
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{Units: u, Cities: make([]CityToday, len(in.Cities))}
	var warmest, coldest outlook
	for i, city := range in.Cities {
		p, outlooks, err := w.lookUp(ctx, city, 1)
		if err != nil {
			return Comparison{}, err
		}
		today := outlooks[0]
		out.Cities[i] = CityToday{City: p.City, Country: p.Country, Today: newDay(today, u)}
		if i == 0 || today.high > warmest.high {
			warmest, out.Warmest = today, p.City
		}
		if i == 0 || today.low < coldest.low {
			coldest, out.Coldest = today, p.City
		}
		ctx.Progress(float64(i+1), float64(len(in.Cities)), p.City)
	}
	return out, nil
}

// AlertsInput says which city to warn about.
type AlertsInput struct {
	// City to warn about, by its English name.
	City string `json:"city" jsonschema:"minLength=1"`
}

// AlertsOutput is the alerts for a city.
type AlertsOutput struct {
	City    string `json:"city"`
	Country string `json:"country"`
	// Alerts in order of date; empty if there is nothing to warn about.
	Alerts []Alert `json:"alerts"`
}

// Alerts warns of heat, frost, cold and lasting rain in a city within the next
// seven days. It is refused to connections without an auth argument.
func (w *weather) Alerts(ctx *tool.Context, in AlertsInput) (AlertsOutput, error) {
	if !authenticated(ctx) {
		return AlertsOutput{}, tool.Errorf("alerts need a key: connect with an auth argument, as in ?auth=KEY")
	}
	u, err := chooseUnits(ctx, "")
	if err != nil {
		return AlertsOutput{}, err
	}
	p, outlooks, err := w.lookUp(ctx, in.City, 7)
	if err != nil {
		return AlertsOutput{}, err
	}
	return AlertsOutput{City: p.City, Country: p.Country, Alerts: alertsFor(outlooks, u)}, nil
}

// Identity is what the server knows about a connection.
type Identity struct {
	// SessionID identifies the connection; it is new on each one.
	SessionID string `json:"session_id"`
	// ClientID is the client_id the connection gave, or anonymous.
	ClientID string `json:"client_id"`
	// Authenticated tells whether the connection gave an auth argument.
	Authenticated bool `json:"authenticated"`
	// Transport the connection uses.
	Transport string `json:"transport"`
	// ProtocolVersion is the version of MCP agreed on.
	ProtocolVersion string `json:"protocol_version"`
}

// Whoami tells who the server takes the client for.
func Whoami(ctx *tool.Context) Identity {
	return Identity{
		SessionID:       ctx.SessionID(),
		ClientID:        clientID(ctx),
		Authenticated:   authenticated(ctx),
		Transport:       ctx.Transport(),
		ProtocolVersion: ctx.ProtocolVersion(),
	}
}

// lookUp finds a city and its weather. Its errors are for the client to see.
func (w *weather) lookUp(ctx *tool.Context, city string, days int) (place, []outlook, error) {
	p, err := w.cities.find(city)
	if err != nil {
		return place{}, nil, tool.UserError(err)
	}
	outlooks, err := w.forecaster().forecast(ctx, p, days)
	if err != nil {
		return place{}, nil, tool.Errorf("no forecast for %s: %w", p.City, err)
	}
	return p, outlooks, nil
}

// newDay returns an outlook in the given units.
func newDay(o outlook, u units) Day {
	return Day{
		Date:    o.date.Format(time.DateOnly),
		High:    u.temperature(o.high),
		Low:     u.temperature(o.low),
		Summary: o.sky.String(),
	}
}

// chooseUnits returns the units a call asks for, else those of the connection,
// else metric.
func chooseUnits(ctx *tool.Context, asked string) (units, error) {
	if asked == "" {
		asked = ctx.Arg("units", string(metric))
	}
	u, err := parseUnits(asked)
	return u, tool.UserError(err)
}

// clientID returns the name the connection gave itself.
func clientID(ctx *tool.Context) string {
	return ctx.Arg("client_id", "anonymous")
}

// authenticated reports whether the connection gave a key. Any will do here; a
// server with something to protect would check it.
func authenticated(ctx *tool.Context) bool {
	return ctx.Args().Get("auth") != ""
}
