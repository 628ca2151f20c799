package tool_test

import (
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/tool"
)

type unitsOfTest string

type inDescribed struct {
	Units unitsOfTest          `json:"units"`
	Page  pageOfTest[[]string] `json:"page"`
	Other Base                 `json:"other"`
}

type pageOfTest[T any] struct {
	Items T `json:"items"`
}

const testPath = "github.com/sessionmcp/sessionmcp/tool_test."

func TestNewSource(t *testing.T) {
	source := tool.NewSource(map[string]tool.TypeDoc{
		testPath + "unitsOfTest": {Comment: "How to measure.", Values: []any{"metric", "imperial"}},
		testPath + "pageOfTest":  {Comment: "A page.", Fields: map[string]string{"Items": "What is on it."}},
		testPath + "inDescribed": {Fields: map[string]string{"Other": "Something else."}},
		"elsewhere.Base":         {Comment: "Another Base."},
	})
	made, err := tool.New(func(inDescribed) unitsOfTest { return "" }, tool.Name("x"), tool.Comments(source))
	if err != nil {
		t.Fatal(err)
	}
	input := string(made.Spec().Input)
	for _, want := range []string{
		`"units":{"type":"string","enum":["metric","imperial"],"description":"How to measure."}`,
		`"description":"A page."`, `"description":"What is on it."`, `"description":"Something else."`,
	} {
		if !strings.Contains(input, want) {
			t.Errorf("the schema lacks %s: %s", want, input)
		}
	}
	if strings.Contains(input, "Another Base") {
		t.Errorf("a type of another package is described: %s", input)
	}
	if _, err := made.Call(tool.NewContext(t.Context(), tool.Call{}), []byte(`{"units":"kelvin"}`)); err == nil ||
		!strings.Contains(err.Error(), `units: expected one of "metric", "imperial", got "kelvin"`) {
		t.Errorf("a value that there is not: %v", err)
	}
}
