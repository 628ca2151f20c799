// Package tool is what the author of a tool sees, and nothing else: the function
// and what may be said about it ([New], [Option]), what it knows of its caller
// ([Context], [Args]), and what it may answer ([Content], [Result], [Errorf]).
// Resources and prompts are made the same way: [NewResource], [Files], [NewPrompt].
// In the middle of its work a function may ask its client: [Elicit], [ElicitURL],
// [Sample], [Roots].
//
//	type Input struct {
//		City string `json:"city" jsonschema:"minLength=1"`
//	}
//
//	func Forecast(ctx *tool.Context, in Input) (string, error) {
//		if _, ok := ctx.Args().Lookup("auth"); !ok {
//			return "", tool.Errorf("connect with ?auth=KEY")
//		}
//		return "sunny in " + in.City + " for " + ctx.Arg("client_id", "anonymous"), nil
//	}
//
// Everything about a function's type is decided when it becomes a [Tool]; a call
// runs the plan that was made then. The package knows nothing of servers and
// transports, so a tool can be tested with [NewContext] alone.
package tool
