package raw

import (
	"encoding/json"
	"fmt"
)

// What echo and forecast answer, to the arguments that package wire sends.
var (
	echoed   = json.RawMessage(`{"content":[{"type":"text","text":"A text of the length that people write."}]}`)
	forecast = fixedForecast()
)

func fixedForecast() json.RawMessage {
	days := make([]any, 3)
	for i := range days {
		days[i] = object{"date": fmt.Sprintf("2026-01-%02d", i+1), "high": 20.5 + float64(i), "low": 10.5 + float64(i), "summary": "partly cloudy"}
	}
	structured := object{"city": "Oslo", "days": days}
	return encode(object{"content": []any{object{"type": "text", "text": string(encode(structured))}}, "structuredContent": structured})
}

// encode is for what is written above.
func encode(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// list renders the answer to tools/list.
func list(tools int) []byte {
	typed := func(name string) object { return object{"type": name} }
	in := object{"type": "object", "additionalProperties": false, "required": []string{"city", "days", "units"}, "properties": object{
		"city":  object{"type": "string", "description": "name of the city"},
		"days":  object{"type": "integer", "description": "number of days", "minimum": 1, "maximum": 7},
		"units": object{"type": "string", "description": "unit system", "enum": []string{"metric", "imperial"}},
	}}
	day := object{"type": "object", "required": []string{"date", "high", "low", "summary"}, "properties": object{
		"date": typed("string"), "high": typed("number"), "low": typed("number"), "summary": typed("string")}}
	out := object{"type": "object", "required": []string{"city", "days"}, "properties": object{
		"city": typed("string"), "days": object{"type": "array", "items": day}}}
	text := object{"type": "object", "required": []string{"text"}, "properties": object{"text": typed("string")}}
	all := []any{object{"name": "echo", "description": "Echo the text", "inputSchema": text}}
	for i := 1; i < tools; i++ {
		name := "forecast"
		if i > 1 {
			name = fmt.Sprintf("tool_%04d", i)
		}
		all = append(all, object{"name": name, "description": "Weather forecast for a city", "inputSchema": in, "outputSchema": out})
	}
	return encode(object{"tools": all})
}
