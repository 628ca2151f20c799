package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionmcp/sessionmcp/client"
	"github.com/sessionmcp/sessionmcp/tool"
)

func TestFirstSentence(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"One. Two.", "One."},
		{"One, e.g. this. Two.", "One, e.g. this."},
		{"  One\n two\n\nThree.", "One two"},
		{"See example.com for it", "See example.com for it"},
		{"\x1b[2JOne.\u202e Two", "[2JOne."},
		{"", ""},
		{". ", "."},
	} {
		if got := firstSentence(tt.text); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	rows := func() [][]string {
		return [][]string{{"NAME", "TYPE", "ABOUT"}, {"ä", "x", "a long text\nof \x1b[31mtwo lines"}, {"name", "", ""}}
	}
	for _, tt := range []struct {
		name string
		s    screen
		want string
	}{
		{"piped", screen{}, "NAME  TYPE  ABOUT\nä     x     a long text of [31mtwo lines\nname\n"},
		{"narrow", screen{tty: true, width: 25}, "NAME  TYPE  ABOUT\nä     x     a long text…\nname\n"},
		{"colours", screen{tty: true, colour: true}, "\x1b[2mNAME\x1b[0m  \x1b[2mTYPE\x1b[0m  \x1b[2mABOUT\x1b[0m\n\x1b[1mä\x1b[0m     x     a long text of [31mtwo lines\n\x1b[1mname\x1b[0m\n"},
	} {
		var b bytes.Buffer
		tt.s.w = &b
		tt.s.table(rows()...)
		var got strings.Builder
		for line := range strings.Lines(b.String()) {
			got.WriteString(strings.TrimRight(line, " \n") + "\n")
		}
		if got.String() != tt.want {
			t.Errorf("%s:\n%q, want\n%q", tt.name, got.String(), tt.want)
		}
	}
}

// TestScreen: what is no terminal gets no colours, whatever the environment.
func TestScreen(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s := screenOf(f); s.tty || s.colour || s.bold("x") != "x" || s.text("\x1b[1m") != "\x1b[1m" {
		t.Errorf("a file is taken for a terminal: %+v", s)
	}
	if s := (&screen{tty: true}); s.text("a\x1b[1m\r\nb\tc\x9b") != "a[1m\nb\tc\ufffd" {
		t.Errorf("a terminal is shown %q", s.text("a\x1b[1m\r\nb\tc\x9b"))
	}
}

// TestSpin: what is quick is not announced, and what was shown is wiped.
func TestSpin(t *testing.T) {
	for _, tt := range []struct {
		tty   bool
		takes time.Duration
		want  string
	}{
		{true, patience / 2, ""},
		{true, patience + patience/8, "\r\x1b[K| starting x\r\x1b[K"},
		{true, patience + patience*3/8, "\r\x1b[K| starting x\r\x1b[K/ starting x\r\x1b[K"},
		{false, 10 * patience, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var b bytes.Buffer
			n := &status{s: &screen{w: &b, tty: tt.tty}}
			stop := n.spin("starting x")
			time.Sleep(tt.takes) // of the bubble
			synctest.Wait()
			stop()
			stop()
			if b.String() != tt.want {
				t.Errorf("%v: %q, want %q", tt.takes, b.String(), tt.want)
			}
		})
	}
}

// TestStatus: lines that stay push away the one that changes, and while somebody
// types there is none.
func TestStatus(t *testing.T) {
	var b bytes.Buffer
	n := &status{s: &screen{w: &b, tty: true, width: 12}}
	n.show("a long long line")
	n.say("stays")
	release := n.hold()
	n.show("hidden")
	release()
	n.show("seen")
	n.clear()
	n.clear()
	if want := "\r\x1b[Ka long lon…\r\x1b[Kstays\n\r\x1b[Kseen\r\x1b[K"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
	b.Reset()
	n.s.tty = false
	n.show("1/2")
	n.show("2/2")
	if b.String() != "1/2\n2/2\n" {
		t.Errorf("piped, progress is %q", b.String())
	}
}

func TestPrintContent(t *testing.T) {
	var b bytes.Buffer
	result := &client.Result{
		Content: []tool.Content{
			tool.Text{Text: " {\"c\": \"\u009b2J<\", \"n\": 9007199254740993} "},
			tool.Text{Text: "a text\x1b[1m\n"},
			tool.Audio{Data: []byte("12"), MIME: "audio/wav\n\n"},
			tool.Embed{URI: "a:b", Text: "embedded"},
		},
		Structured: []byte("{\"n\":9007199254740993,\"c\":\"\u009b2J<\"}"),
	}
	if err := printContent(&b, &screen{tty: true}, result, nil); err != nil {
		t.Fatal(err)
	}
	want := "a text[1m\n[audio: audio/wav, 2 bytes]\nembedded\n{\n  \"n\": 9007199254740993,\n  \"c\": \"2J<\"\n}\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// TestSaver: no name of a server leads out of the folder.
func TestSaver(t *testing.T) {
	dir := t.TempDir()
	s, err := newSaver(dir+"/new/", "../../etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{"image/png", "image/jpeg; q=1", "../../x", "application/octet-stream"} {
		if _, err := s.save(typ, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, file := range s.files {
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, filepath.ToSlash(rel))
	}
	if want := "new/etc-passwd-1.png new/etc-passwd-2.jpg new/etc-passwd-3.bin new/etc-passwd-4.bin"; strings.Join(got, " ") != want {
		t.Errorf("saved %q, want %s", got, want)
	}
}

// TestAll: a list that the server does not have is empty, and not asked for.
func TestAll(t *testing.T) {
	one := 1
	seq := func(yield func(*int, error) bool) {
		_ = yield(&one, nil) && yield(nil, errors.New("broken"))
	}
	if got, err := all(false, seq); got == nil || len(got) != 0 || err != nil {
		t.Errorf("what the server does not have is %v, %v", got, err)
	}
	if got, err := all(true, seq); got != nil || err == nil {
		t.Errorf("a list that breaks off is %v, %v", got, err)
	}
}
