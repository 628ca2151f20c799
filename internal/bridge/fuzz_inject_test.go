package bridge

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionmcp/sessionmcp/jsonrpc"
)

// FuzzInject: whatever a client writes into its params, no reader, whether it takes
// the first or the last of equal names, or NAME for name, is told other connection
// arguments than those of the connection; and everything else stays as it came.
func FuzzInject(f *testing.F) {
	f.Add(`{"name":"x","arguments":{"a":1}}`, "K\"1", true, true)
	f.Add(`{"arguments":{"_session_params":1},"ARGUMENTS":{"_SESSION_params":{"auth":"mine"}}}`, "K", true, false)
	f.Add(`{"arguments":{"\u005fsession_params":1,"_\u017fession_params":2},"argument\u017f":{"_session_params":3}}`, "é", false, true)
	f.Add(`{"_meta":{"sessionmcp/args":1,"k":2},"_META":{"SESSIONMCP/ARGS":3}}`, "\x00", false, true)
	f.Add(`{"arguments":null,"_meta":null,"arguments":[]}`, "", true, true)
	f.Fuzz(func(t *testing.T, params, auth string, inject, toMeta bool) {
		m, err := jsonrpc.Parse([]byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":` + params + `}`))
		if err != nil || len(m.Params) == 0 || m.Params[0] != '{' || !json.Valid(m.Params) || !objectArguments(m.Params) {
			return
		}
		b := &Bridge{o: Options{InjectParams: inject}}
		if toMeta {
			b.o.ArgsToMeta = []string{"auth"}
		}
		got := b.inject(&filled{args: url.Values{"auth": {auth}}}, "tools/call", m.Params)
		if !json.Valid(got) {
			t.Fatalf("%s becomes %s", m.Params, got)
		}
		told(t, got, "arguments", sessionParams, auth, inject, true)
		told(t, got, "_meta", metaArgs, auth, toMeta, toMeta)
		before := besides(m.Params, inject, toMeta)
		if after := besides(got, inject, toMeta); after != before {
			t.Fatalf("%s becomes %s: beside what is injected that is %s, and was %s", m.Params, got, after, before)
		}
		if !inject && !toMeta && !bytes.Contains(bytes.ToLower(m.Params), []byte("ession_params")) && !bytes.ContainsRune(m.Params, '\\') && !bytes.Equal(got, m.Params) {
			t.Fatalf("%s becomes %s, for nothing", m.Params, got)
		}
	})
}

type pair struct {
	key   string
	value json.RawMessage
}

// pairs are the members of an object, in order, also those that are there twice.
func pairs(object []byte) (all []pair) {
	d := json.NewDecoder(bytes.NewReader(object))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		var p pair
		key, err := d.Token()
		if err != nil || d.Decode(&p.value) != nil {
			return nil
		}
		p.key, _ = key.(string)
		all = append(all, p)
	}
	return all
}

// told checks what readers find under name in outer: the arguments, or nothing;
// owned says that it is the bridge's to say there.
func told(t *testing.T, params []byte, outer, name, auth string, want, owned bool) {
	found := 0
	for _, member := range pairs(params) {
		if !strings.EqualFold(member.key, outer) {
			continue
		}
		for _, inner := range pairs(member.value) {
			if !strings.EqualFold(inner.key, name) || !owned {
				continue
			}
			var args map[string]string
			if !want || json.Unmarshal(inner.value, &args) != nil || len(args) != 1 || args["auth"] != string([]rune(auth)) {
				t.Fatalf("%s: somebody reads %s", params, inner.value)
			}
			if inner.key == name && member.key == outer {
				found++
			}
		}
	}
	if want && found == 0 {
		t.Fatalf("%s: nobody reads %s", params, name)
	}
}

// besides is what is left of params without what is the bridge's to say, and without
// what is empty then, or no object where there has to be one.
func besides(params []byte, inject, toMeta bool) string {
	var b strings.Builder
	for _, member := range pairs(params) {
		name, object := "", inject
		switch {
		case strings.EqualFold(member.key, "arguments"):
			name = sessionParams
		case toMeta && strings.EqualFold(member.key, "_meta"):
			name, object = metaArgs, true
		default:
			b.WriteString(member.key + ":" + string(member.value) + ",")
			continue
		}
		inner := pairs(member.value)
		if inner == nil && member.value[0] != '{' && !object {
			b.WriteString(member.key + ":" + string(member.value) + ",")
		}
		for _, p := range inner {
			if !strings.EqualFold(p.key, name) {
				b.WriteString(strings.ToLower(member.key) + "." + p.key + ":" + string(p.value) + ",")
			}
		}
	}
	return b.String()
}
