package schema_test

import (
	"fmt"
	"reflect"

	"github.com/sessionmcp/sessionmcp/schema"
)

func Example() {
	type forecast struct {
		City string `json:"city" jsonschema:"minLength=1"`
		Days int    `json:"days" jsonschema:"minimum=1,maximum=7,default=3"`
	}
	plan, err := schema.Input(reflect.TypeFor[forecast](), schema.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", plan.Document())

	var f forecast
	fmt.Println(plan.Decode([]byte(`{"city":"Rome","days":"5"}`), reflect.ValueOf(&f).Elem(), false), f)
	fmt.Println(plan.Decode([]byte(`{"citty":"Rome","days":9}`), reflect.ValueOf(&f).Elem(), false))
	// Output:
	// {"properties":{"city":{"type":"string","minLength":1},"days":{"type":"integer","maximum":7,"minimum":1,"default":3}},"additionalProperties":false,"type":"object","required":["city"]}
	// <nil> {Rome 5}
	// invalid arguments: citty: unknown property, did you mean "city"?; days: expected an integer from 1 to 7, got 9; city: missing, expected a string of at least 1 character
}
