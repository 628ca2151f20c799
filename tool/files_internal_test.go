package tool

import "testing"

// TestShortNames: what Windows may take for the short name of a file.
func TestShortNames(t *testing.T) {
	for name, want := range map[string]bool{
		"GIT~1": true, "git~1": true, "ENV~12": true, "HTACCE~1.TXT": true, "GI0C9A~1": true, "A~1.B": true,
		"README.md": false, "notes~": false, "file.txt~1": false, "draft~v1.md": false, "a~1b": false, "longername~1": false, "": false, "~": false,
	} {
		if got := isShortName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
