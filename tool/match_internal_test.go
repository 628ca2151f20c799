package tool

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func parseFiles(t *testing.T, files map[string]string) *Source {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	s, err := ParseSource(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the run-time says of functions in other binaries than this one.
func TestFunctionsOfOtherBinaries(t *testing.T) {
	const f = "// F of %.\nfunc F() {}\ntype T int\n// M of %.\nfunc (*T) M() {}\n"
	file := func(clause, word string) string { return "package " + clause + "\n" + strings.ReplaceAll(f, "%", word) }
	tests := []struct {
		name  string
		files map[string]string
		info  fnInfo
		want  string
	}{
		{"a program", map[string]string{"a.go": file("main", "it")}, fnInfo{pkg: "main", name: "F", file: "/x/a.go", line: 3}, "F of it."},
		{"a method of a program", map[string]string{"a.go": file("main", "it")}, fnInfo{pkg: "main", recv: "T", name: "M"}, "M of it."},
		{"a program among programs", map[string]string{"cmd/a/m.go": file("main", "a"), "cmd/b/m.go": file("main", "b")},
			fnInfo{pkg: "main", name: "F", file: "/x/cmd/b/m.go", line: 3}, "F of b."},
		{"a method of one of them: nobody knows", map[string]string{"cmd/a/m.go": file("main", "a"), "cmd/b/m.go": file("main", "b")},
			fnInfo{pkg: "main", recv: "T", name: "M"}, ""},
		{"not of a program", map[string]string{"a.go": file("lib", "it")}, fnInfo{pkg: "main", recv: "T", name: "M"}, ""},
		{"the test of a program", map[string]string{"a.go": file("main", "it")}, fnInfo{pkg: "x.org/weather", name: "F", file: "/x/a.go", line: 3}, "F of it."},
		{"the test of a program in a folder", map[string]string{"cmd/w/a.go": file("main", "it")}, fnInfo{pkg: "x.org/cmd/w", recv: "T", name: "M"}, "M of it."},
		{"a folder that is named otherwise", map[string]string{"a.go": file("weather", "it")}, fnInfo{pkg: "x.org/forecasts", name: "F", file: "x.org/forecasts/a.go", line: 3}, "F of it."},
		{"without the line it is anyone's", map[string]string{"a.go": file("weather", "it")}, fnInfo{pkg: "x.org/forecasts", recv: "T", name: "M"}, ""},
		{"the file, but another line", map[string]string{"a.go": file("weather", "it")}, fnInfo{pkg: "x.org/forecasts", name: "F", file: "/x/a.go", line: 30}, ""},
		{"a file whose name ends alike", map[string]string{"a.go": file("weather", "it")}, fnInfo{pkg: "x.org/forecasts", name: "F", file: "/x/aa.go", line: 3}, ""},
		{"no name", map[string]string{"a.go": file("main", "it")}, fnInfo{pkg: "main", file: "/x/a.go", line: 3}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := parseFiles(t, test.files).function(test.info).comment; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestMayBeNamed(t *testing.T) {
	for path, names := range map[string][]string{
		"weather":              {"weather"},
		"x.org/weather":        {"weather"},
		"x.org/weather/v2":     {"weather"},
		"x.org/go-weather":     {"weather", "go"},
		"x.org/weather-go/v12": {"weather", "go"},
		"gopkg.in/weather.v3":  {"weather", "v3"},
		"x.org/v2":             {"x.org"},
	} {
		for _, name := range append(names, "org") {
			want := slices.Contains(names, name) || path == "x.org/v2" && name == "org"
			if got := mayBeNamed(path, name); got != want {
				t.Errorf("%s, %s: got %v", path, name, got)
			}
		}
	}
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"":                "",
		"A":               "a",
		"GetForecast":     "get_forecast",
		"getForecast":     "get_forecast",
		"HTTPGet":         "http_get",
		"GetHTTPForecast": "get_http_forecast",
		"ID":              "id",
		"UserID":          "user_id",
		"UserIDs":         "user_ids",
		"IDsOfUsers":      "ids_of_users",
		"IsNew":           "is_new",
		"Base64Encode":    "base64_encode",
		"X1Y2":            "x1_y2",
		"get_forecast":    "get_forecast",
		"Get_Forecast":    "get_forecast",
		"_Get":            "_get",
		"Ängström":        "ängström",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// FuzzSnake holds snake to what makes its result a name: of an identifier in
// ASCII it is valid wherever its length is, and it loses and adds no letter.
func FuzzSnake(f *testing.F) {
	for _, name := range []string{"GetForecast", "HTTPGet", "UserIDs", "_", "x__Y", "Ж", "ǅ", "İ", "a\xff", "A9B"} {
		f.Add(name)
	}
	letters := func(s string) string { return strings.ReplaceAll(s, "_", "") }
	f.Fuzz(func(t *testing.T, name string) {
		got := snake(name)
		if again := snake(got); isIdentifier(name) && again != got {
			t.Errorf("%q became %q, and that %q", name, got, again)
		}
		if !isIdentifier(name) {
			return
		}
		if err := checkName(got); err != nil && len(got) <= 128 {
			t.Errorf("%q became %q: %v", name, got, err)
		}
		if letters(got) != strings.ToLower(letters(name)) {
			t.Errorf("%q became %q", name, got)
		}
	})
}

func isIdentifier(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
