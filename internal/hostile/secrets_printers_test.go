package hostile

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"expvar"
	"fmt"
	htmltemplate "html/template"
	"log"
	"log/slog"
	"reflect"
	"strings"
	"text/template"
)

// printers are the ways in which a program, or a library that it logs with, makes
// text of a value that it knows nothing of.
func printers() map[string]func(v any) string {
	all := map[string]func(v any) string{
		"fmt.Sprint":    func(v any) string { return fmt.Sprint("x", v, "y") },
		"fmt.Errorf":    func(v any) string { return fmt.Errorf("failed: %v: %w", v, errors.New("no")).Error() },
		"wrapped twice": func(v any) string { return fmt.Sprintf("%+v", errors.Join(fmt.Errorf("for %+v", v), errors.New("no"))) },
		"log": func(v any) string {
			return written(func(b *bytes.Buffer) { log.New(b, "", 0).Printf("%+v %#v", v, v) })
		},
		"slog text": func(v any) string {
			return logged(v, func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) })
		},
		"slog JSON": func(v any) string {
			return logged(v, func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) })
		},
		"json":          encodedBy(json.Marshal),
		"json in a map": func(v any) string { return encodedBy(json.Marshal)(map[string]any{"k": v}) },
		"expvar":        func(v any) string { return expvar.Func(func() any { return v }).String() },
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%#q", "%+q", "%x", "%X", "% x", "%#x", "%d", "%T", "%t", "%U", "%c", "%o", "%e", "%10.3s", "%z"} {
		all["fmt "+verb] = func(v any) string { return fmt.Sprintf(verb, v) }
	}
	return all
}

// prying are those that print what nobody gave them to print, or that pass over the
// methods by which a value prints itself.
func prying() map[string]func(v any) string {
	wrap := "%w" // in a variable, where vet does not see what is wrong with it
	return map[string]func(v any) string{
		"fmt %w": func(v any) string { return fmt.Sprintf(wrap, v) },
		"fmt %p": func(v any) string { return fmt.Sprintf("%p", v) },
		"xml":    encodedBy(xml.Marshal),
		"gob": func(v any) string {
			return written(func(b *bytes.Buffer) { fmt.Fprint(b, gob.NewEncoder(b).Encode(v)) })
		},
		"text/template": func(v any) string {
			t := template.Must(template.New("").Parse(`{{.}} {{printf "%#v" .}} {{print .}} {{html .}} {{js .}}`))
			return written(func(b *bytes.Buffer) { fmt.Fprint(b, t.Execute(b, v)) })
		},
		"html/template": func(v any) string {
			t := htmltemplate.Must(htmltemplate.New("").Parse(`<p a='{{.}}'>{{.}}</p><script>var x = {{.}}</script>`))
			return written(func(b *bytes.Buffer) { fmt.Fprint(b, t.Execute(b, v)) })
		},
		"reflection": func(v any) string {
			return written(func(b *bytes.Buffer) { dump(reflect.ValueOf(v), b, make(map[uintptr]bool)) })
		},
	}
}

func written(write func(b *bytes.Buffer)) string {
	var b bytes.Buffer
	write(&b)
	return b.String()
}

func encodedBy(marshal func(any) ([]byte, error)) func(v any) string {
	return func(v any) string {
		text, err := marshal(v)
		return fmt.Sprint(string(text), err)
	}
}

// valuer is a value that logs as a group with another in it.
type valuer struct{ v any }

func (l valuer) LogValue() slog.Value { return slog.GroupValue(slog.Any("in", l.v)) }

func logged(v any, handler func(b *bytes.Buffer) slog.Handler) string {
	return written(func(b *bytes.Buffer) {
		slog.New(handler(b)).With("with", v).WithGroup("g").Info("message", "attr", v, "valuer", valuer{v},
			slog.Group("group", "in", v, slog.Group("deeper", "in", v)), "list", []any{v}, "map", map[string]any{"k": v})
	})
}

// dump writes every string, and all bytes, that reflection reaches in v, through
// unexported fields, too, as loggers and the printers of debuggers and tests do.
func dump(v reflect.Value, b *bytes.Buffer, seen map[uintptr]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && !seen[v.Pointer()] {
			seen[v.Pointer()] = true
			dump(v.Elem(), b, seen)
		}
	case reflect.Interface:
		dump(v.Elem(), b, seen)
	case reflect.Struct:
		for i := range v.NumField() {
			dump(v.Field(i), b, seen)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			dump(it.Key(), b, seen)
			dump(it.Value(), b, seen)
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			b.Write(v.Bytes())
			b.WriteByte('\n')
			return
		}
		for i := range v.Len() {
			dump(v.Index(i), b, seen)
		}
	case reflect.String:
		b.WriteString(v.String() + "\n")
	}
}

// Embedded is what a struct of a user's may embed.
type Embedded struct{ Value any }

// openHolders are what a careless program keeps a value in, where its methods are
// called by who prints it, and closedHolders where they cannot be.
func openHolders(v any) map[string]any {
	return map[string]any{
		"itself": v, "slice": []any{v}, "array": [1]any{v}, "map": map[string]any{"k": v},
		"exported field": struct{ V any }{v}, "embedded": struct{ Embedded }{Embedded{v}},
	}
}

func closedHolders(v any) map[string]any {
	return map[string]any{
		"pointer": &v, "map of pointers": map[int]*any{1: &v},
		"unexported field": struct{ v any }{v}, "unexported map": struct{ v map[string][]any }{map[string][]any{"k": {v}}},
		"deep": []map[string]struct{ v []any }{{"k": {[]any{v, &v}}}},
	}
}

// given returns where in the held values, as printed, one of the secrets is.
func given(v any, held func(any) map[string]any, printers map[string]func(any) string, secrets []planted) []string {
	var found []string
	for holder, value := range held(v) {
		for printer, print := range printers {
			text := print(value)
			for _, p := range secrets {
				if form := p.in(text); form != "" {
					found = append(found, fmt.Sprintf("%s, by %s, as %s: %.200s", holder, printer, form, strings.TrimSpace(text)))
				}
			}
		}
	}
	return found
}
