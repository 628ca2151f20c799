package tool

import (
	"fmt"
	"path"
	"reflect"
	"runtime"
	"strings"
	"unicode"
)

// fnInfo is where a function comes from.
type fnInfo struct {
	pkg  string // import path, or main
	recv string // type of a method, without '*' and type parameters
	name string // "" for a function literal
	file string // "" if the function was not written by hand
	line int
}

// isLiteral reports whether name, the last part of a function's, is one that the
// compiler gives to function literals: 2, func1.
func isLiteral(name string) bool {
	number := strings.TrimPrefix(name, "func")
	return number != "" && strings.Trim(number, "0123456789") == ""
}

// inspect reads what the run-time knows of a function: pkg.Name, pkg.Type.Name-fm,
// pkg.(*Type).Name-fm, pkg.Name[...], pkg.Outer.func1. In the last part of an
// import path it writes %2e for a dot.
func inspect(fn reflect.Value) fnInfo {
	f := runtime.FuncForPC(fn.Pointer())
	if f == nil {
		return fnInfo{}
	}
	var info fnInfo
	// The wrapper of a method value is generated, and has no line.
	if file, line := f.FileLine(f.Entry()); strings.HasSuffix(file, ".go") {
		info.file, info.line = file, line
	}
	full := strings.TrimSuffix(f.Name(), "-fm")
	full = strings.ReplaceAll(full, "[...]", "")
	dir, base := path.Split(full)
	pkg, rest, _ := strings.Cut(base, ".")
	info.pkg = dir + strings.ReplaceAll(pkg, "%2e", ".")
	parts := strings.Split(rest, ".")
	last := parts[len(parts)-1]
	switch {
	case isLiteral(last), info.pkg == "reflect": // reflect's stubs stand for any function
	case len(parts) == 1:
		info.name = last
	case len(parts) == 2:
		info.recv = strings.Trim(parts[0], "(*)")
		info.name = last
	}
	return info
}

// where names the function as a reader of the source finds it.
func (i fnInfo) where() string {
	name := i.name
	switch {
	case name == "":
		name = "function literal"
	case i.recv != "":
		name = path.Base(i.pkg) + "." + i.recv + "." + name
	default:
		name = path.Base(i.pkg) + "." + name
	}
	if i.file != "" {
		return fmt.Sprintf("%s (%s:%d)", name, i.file, i.line)
	}
	if file, line := registration(); file != "" {
		return fmt.Sprintf("%s (registered at %s:%d)", name, file, line)
	}
	return name
}

// registration returns the line that led to this package: the best answer to
// where a function stands that the run-time has no line for.
func registration() (file string, line int) {
	own := reflect.TypeFor[Tool]().PkgPath() + "."
	sibling := path.Dir(own) + "/server."
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if !strings.HasPrefix(frame.Function, own) && !strings.HasPrefix(frame.Function, sibling) {
			return frame.File, frame.Line
		}
		if !more {
			return "", 0
		}
	}
}

// snake turns GetHTTPForecast into get_http_forecast and UserIDs into user_ids.
func snake(name string) string {
	var b strings.Builder
	rs := []rune(name)
	upper := func(i int) bool { return i < len(rs) && unicode.IsUpper(rs[i]) }
	for i, r := range rs {
		if upper(i) && i > 0 && rs[i-1] != '_' {
			next := i+1 < len(rs) && unicode.IsLower(rs[i+1])
			plural := next && rs[i+1] == 's' && (i+2 == len(rs) || upper(i+2))
			if !upper(i-1) || next && !plural {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// checkName holds a name to the form that 2025-11-25 asks of a tool's.
func checkName(name string) error {
	if len(name) < 1 || len(name) > 128 {
		return fmt.Errorf("the name %.40q has %d characters, want 1 to 128", name, len(name))
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-', r == '.':
		default:
			return fmt.Errorf("the name %q has %q in it, want only A-Z a-z 0-9 _ - and '.'", name, r)
		}
	}
	return nil
}
