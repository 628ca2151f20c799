package spelling

import "testing"

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"city", "city", 0}, {"city", "cities", 3}, {"ab", "ba", 2}, {"forecast", "forcast", 1},
	} {
		if got := Distance(test.a, test.b); got != test.want {
			t.Errorf("%q and %q are %d apart, want %d", test.a, test.b, got, test.want)
		}
		if got := Distance(test.b, test.a); got != test.want {
			t.Errorf("%q and %q are %d apart, want %d", test.b, test.a, got, test.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, name := range []string{"dryRun", "dry_run", "dry-run", "DRYRUN"} {
		if got := Fold(name); got != "dryrun" {
			t.Errorf("%s is %s", name, got)
		}
	}
}
