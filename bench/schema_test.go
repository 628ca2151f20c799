package bench_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/sessionmcp/sessionmcp/bench/internal/serve"
	"github.com/sessionmcp/sessionmcp/bench/internal/us"
	"github.com/sessionmcp/sessionmcp/bench/internal/wide"
	"github.com/sessionmcp/sessionmcp/bench/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the schemas of package wide")

// TestWideSchemas compares the schemas that servers are given with those that
// ours makes of the structure, so that all check the same.
func TestWideSchemas(t *testing.T) {
	c := start(t, us.Server, wire.HTTP, serve.Options{Tools: 2, Extra: true})(wire.List())
	answer, err := c.Call([]byte(`{"jsonrpc":"2.0","id":5,"method":"tools/list"}`))
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Result struct {
			Tools []struct {
				Name                      string
				InputSchema, OutputSchema json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(answer, &m); err != nil {
		t.Fatal(err)
	}
	for _, tool := range m.Result.Tools {
		if tool.Name == "wide" {
			same(t, "input.json", wide.Input, tool.InputSchema)
			same(t, "output.json", wide.Output, tool.OutputSchema)
			return
		}
	}
	t.Fatal("there is no tool wide")
}

func same(t *testing.T, name string, file, schema []byte) {
	t.Helper()
	var want bytes.Buffer
	if err := json.Indent(&want, schema, "", " "); err != nil {
		t.Fatal(err)
	}
	want.WriteByte('\n')
	if *update {
		if err := os.WriteFile(filepath.Join("internal", "wide", name), want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(file, want.Bytes()) {
		t.Errorf("internal/wide/%s is not what the server lists: run go test . -update", name)
	}
}

func TestWideFields(t *testing.T) {
	fields := 0
	for _, v := range []any{wide.Order{}, wide.Party{}, wide.Address{}, wide.Item{}} {
		fields += reflect.TypeOf(v).NumField()
	}
	if fields != 60 {
		t.Errorf("there are %d fields, and the documents say 60", fields)
	}
}
