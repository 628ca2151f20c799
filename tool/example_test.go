package tool_test

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/sessionmcp/sessionmcp/tool"
)

type ForecastInput struct {
	City string `json:"city"`
	Days int    `json:"days,omitempty" jsonschema:"minimum=1,maximum=7,default=3"`
}

func Forecast(ctx *tool.Context, in ForecastInput) (string, error) {
	if !ctx.Args().Secret("auth").Equal("KEY") {
		return "", tool.Errorf("connect with ?auth=KEY")
	}
	return fmt.Sprintf("%s, %d days, for %s", in.City, in.Days, ctx.Arg("client_id", "anyone")), nil
}

func ExampleNew() {
	t, err := tool.New(Forecast, tool.Description("Forecast for a city."), tool.ReadOnly())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t)
	fmt.Println(string(t.Spec().Input))
	// Output:
	// forecast: Forecast for a city.
	// {"properties":{"city":{"type":"string"},"days":{"type":"integer","maximum":7,"minimum":1,"default":3}},"additionalProperties":false,"type":"object","required":["city"]}
}

// The unit test of a tool needs no server and no client.
func ExampleNewContext() {
	ctx := tool.NewContext(context.Background(), tool.Call{
		Args: tool.NewArgs(url.Values{"auth": {"KEY"}, "client_id": {"ada"}}),
	})
	fmt.Println(Forecast(ctx, ForecastInput{City: "Oslo", Days: 2}))

	stranger := tool.NewContext(context.Background(), tool.Call{})
	_, err := Forecast(stranger, ForecastInput{City: "Oslo"})
	fmt.Println(err)
	// Output:
	// Oslo, 2 days, for ada <nil>
	// connect with ?auth=KEY
}

func ExampleArgs_Bind() {
	args := tool.NewArgs(url.Values{"auth": {"KEY"}, "city": {"Oslo", "Rome"}, "verbose": {""}})
	var o struct {
		Auth    tool.Secret `arg:"auth,required"`
		Cities  []string    `arg:"city"`
		Verbose bool
		Wait    time.Duration `default:"5s"`
	}
	if err := args.Bind(&o); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(o.Auth, o.Cities, o.Verbose, o.Wait)

	fmt.Println(tool.Args{}.Bind(&o))
	// Output:
	// [redacted] [Oslo Rome] true 5s
	// connection arguments: auth: missing
}
