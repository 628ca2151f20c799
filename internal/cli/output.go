package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen is a writer that people read, perhaps on a terminal. What is piped has no
// colours and is never cut.
type screen struct {
	w      io.Writer
	tty    bool
	colour bool
	width  int // in columns; 0 is not known
}

// screenOf looks at what is behind a writer. NO_COLOR and TERM=dumb are respected.
func screenOf(w io.Writer) *screen {
	s := &screen{w: w, tty: isTerminal(w)}
	if !s.tty {
		return s
	}
	s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil {
		s.width = width
	}
	return s
}

// isTerminal reports whether a reader or writer is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (s *screen) style(code, text string) string {
	if !s.colour || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) bold(text string) string { return s.style("1", text) }
func (s *screen) dim(text string) string  { return s.style("2", text) }

// text returns a text of the server's as it can be shown: on a terminal without
// what would steer that, elsewhere as it is.
func (s *screen) text(text string) string {
	if !s.tty {
		return text
	}
	return clean(text)
}

// clean takes the control characters out of a text, but for line breaks and tabs:
// a server is not to paint over what others have said, nor to turn text around.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ReplaceAll(text, "\r\n", "\n"))
}

// oneLine is clean, on one line.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// firstSentence is what a list says of an item.
func firstSentence(text string) string {
	text = strings.TrimSpace(text)
	paragraph, _, _ := strings.Cut(text, "\n\n")
	line := oneLine(paragraph)
	for i := 0; ; {
		j := strings.Index(line[i:], ". ")
		if j < 0 {
			return line
		}
		i += j + 2
		if r, _ := utf8.DecodeRuneInString(line[i:]); !unicode.IsLower(r) { // as in e.g. that
			return line[:i-1]
		}
	}
}

// table prints rows in columns; the first is the heading. A row is one line. On a
// terminal columns are cut where they do not fit, but for the first, which names.
func (s *screen) table(rows ...[]string) {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			row[i] = oneLine(cell)
			if s.width > 0 && i > 0 && i < len(row)-1 {
				row[i] = cut(row[i], max(s.width/3, 10))
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for n, row := range rows {
		var line strings.Builder
		at := 0
		for i, cell := range row {
			last := i == len(row)-1
			if last && s.width > 0 {
				cell = cut(cell, max(s.width-at-1, 10))
			}
			pad := widths[i] - utf8.RuneCountInString(cell) + 2
			at += widths[i] + 2
			switch {
			case n == 0:
				cell = s.dim(cell)
			case i == 0:
				cell = s.bold(cell)
			}
			line.WriteString(cell)
			if !last {
				line.WriteString(strings.Repeat(" ", pad))
			}
		}
		fmt.Fprintln(s.w, strings.TrimRight(line.String(), " "))
	}
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// printJSON prints a value for machines, as far as it goes also for people.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// json prints what a server has sent as JSON.
func (s *screen) json(v any) error { return s.jsonTo(s.w, v) }

func (s *screen) jsonTo(w io.Writer, v any) error {
	var b strings.Builder
	if err := printJSON(&b, v); err != nil {
		return err
	}
	_, err := io.WriteString(w, s.text(b.String()))
	return err
}

// status is what is said on standard error while a command works: lines that
// stay, and on a terminal one at the bottom that changes. Its methods may be
// called concurrently.
type status struct {
	s *screen

	mu    sync.Mutex
	shown bool // there is a line that changes
	held  int  // nothing that changes is shown meanwhile
}

// say prints a line.
func (n *status) say(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wipe()
	fmt.Fprintf(n.s.w, format+"\n", args...)
}

// show replaces the line that changes; where there is none it prints one.
func (n *status) show(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.s.tty {
		fmt.Fprintln(n.s.w, text)
		return
	}
	n.paint(text)
}

func (n *status) paint(text string) {
	if n.held > 0 {
		return
	}
	if n.s.width > 0 {
		text = cut(text, max(n.s.width-1, 10))
	}
	fmt.Fprintf(n.s.w, "\r\x1b[K%s", text)
	n.shown = true
}

func (n *status) wipe() {
	if n.shown {
		fmt.Fprint(n.s.w, "\r\x1b[K")
		n.shown = false
	}
}

// clear takes the line that changes away.
func (n *status) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wipe()
}

// hold keeps the line that changes away until release is called: somebody types.
func (n *status) hold() (release func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wipe()
	n.held++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.held--
	}
}

// patience is how long something may take before it is said what is waited for.
const patience = 500 * time.Millisecond

// spin says what is waited for, on a terminal alone and after a while, until stop
// is called.
func (n *status) spin(what string) (stop func()) {
	if !n.s.tty {
		return func() {}
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		wait := time.NewTimer(patience)
		defer wait.Stop()
		for turn := 0; ; turn++ {
			select {
			case <-end:
				n.clear()
				return
			case <-wait.C:
			}
			n.mu.Lock()
			n.paint(string(`|/-\`[turn%4]) + " " + what)
			n.mu.Unlock()
			wait.Reset(patience / 4)
		}
	}()
	return sync.OnceFunc(func() {
		close(end)
		<-ended
	})
}
