package hostile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// paint is what a server writes to take over a terminal, as it stands in JSON: a
// title, a cleared screen, a backspace, a C1 control, text that runs backwards; the
// last two also as they are, which JSON allows.
const paint = `\u001b]0;owned\u0007\u001b[2J\u001b[1A\b\u007f\r\u0000\u009b31m\u202e\u2066owned` + "\u009b1A\u202e\u2066"

// TestSpecTerminal: nothing that a server says steers the terminal of somebody who
// uses the command, whatever is printed and wherever it stands.
func TestSpecTerminal(t *testing.T) {
	eras(t, func(t *testing.T, stateless bool) {
		e := startEvil(t, painter(stateless))
		u := e.URL + "/mcp"
		for name, args := range map[string][]string{
			"list":           {"list", "--all", u},
			"list schemas":   {"list", "--schema", u},
			"list JSON":      {"list", "--json", "--all", u},
			"call help":      {"call", u, "t", "--help"},
			"call":           {"call", "--log", "debug", u, "t"},
			"call JSON":      {"call", "--json", u, "t"},
			"call failed":    {"call", u, "fail"},
			"call refused":   {"call", u, "broken"},
			"call unknown":   {"call", u, "gone"},
			"call misfit":    {"call", u, "t", "x=1"},
			"form":           {"call", u, "ask"},
			"read":           {"read", u, "test:text"},
			"read JSON":      {"read", "--json", u, "test:text"},
			"prompt":         {"prompt", u, "p"},
			"prompt JSON":    {"prompt", "--json", u, "p"},
			"prompt unknown": {"prompt", u, "gone"},
			"prompt misfit":  {"prompt", u, "p", "x=1"},
			"standard error": {"list", "-v", `sh -c "printf '\033]0;owned\007owned\n' >&2"`},
		} {
			t.Run(name, func(t *testing.T) {
				said := onTerminal(t, args...)
				if !strings.Contains(said, "owned") {
					t.Errorf("the server's words are not shown, which proves nothing:\n%q", said)
				}
				if bad := steering(said); bad != "" {
					t.Errorf("the terminal is sent %q:\n%q", bad, said)
				}
			})
		}
	})
	eras(t, func(t *testing.T, stateless bool) {
		e := startEvil(t, &evil{stateless: stateless, info: `"instructions":""`, results: painter(stateless).results,
			ask: `{"mode":"url","message":"` + paint + `","url":"https://example.com/owned\u001b[2J\u202e","elicitationId":"1"}`})
		if said := onTerminal(t, "call", e.URL+"/mcp", "ask"); steering(said) != "" {
			t.Errorf("a page: the terminal is sent %q", said)
		}
	})
}

// painter paints wherever a server may write.
func painter(stateless bool) *evil {
	const item = `"title":"` + paint + `","description":"` + paint + `"`
	const property = `{"type":"string","title":"` + paint + `","description":"` + paint + `","enum":["a` + paint + `","b"],"default":"a` + paint + `"}`
	const schema = `{"type":"object","description":"` + paint + `","properties":{"k` + paint + `":` + property + `}}`
	tool := func(name string) string { return `{"name":"` + name + `",` + item + `,"inputSchema":` + schema + `}` }
	image := `{"type":"image","data":"aGk=","mimeType":"image/png` + paint + `"}`
	link := `{"type":"resource_link","uri":"test:` + paint + `","name":"n` + paint + `"}`
	embedded := `{"type":"resource","resource":{"uri":"test:` + paint + `","mimeType":"a` + paint + `","text":"` + paint + `"}}`
	blob := `{"type":"resource","resource":{"uri":"test:` + paint + `","mimeType":"a` + paint + `","blob":"aGk="}}`
	text := `{"type":"text","text":"` + paint + `"}`
	return &evil{
		stateless: stateless,
		info:      `"instructions":"` + paint + `"`,
		before:    `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","logger":"l` + paint + `","data":"` + paint + `"}}`,
		ask:       `{"message":"` + paint + `","requestedSchema":` + schema + `}`,
		results: map[string]string{
			"tools/list":               `{"tools":[` + tool("t") + `,` + tool("fail") + `,` + tool("broken") + `,` + tool("ask") + `,` + tool("n"+paint) + `]}`,
			"resources/list":           `{"resources":[{"uri":"test:` + paint + `","name":"` + paint + `","mimeType":"` + paint + `",` + item + `}]}`,
			"resources/templates/list": `{"resourceTemplates":[{"uriTemplate":"test:` + paint + `{x}","name":"` + paint + `","mimeType":"` + paint + `",` + item + `}]}`,
			"prompts/list":             `{"prompts":[{"name":"p",` + item + `,"arguments":[{"name":"a` + paint + `",` + item + `}]},{"name":"` + paint + `"}]}`,
			"resources/read":           `{"contents":[{"uri":"test:text","mimeType":"` + paint + `","text":"` + paint + `"}]}`,
			"prompts/get":              `{"messages":[{"role":"user` + paint + `","content":` + text + `},{"role":"user","content":` + image + `},{"role":"user","content":` + link + `}]}`,
			"tools/call t":             `{"content":[` + text + `,` + image + `,` + link + `,` + embedded + `,` + blob + `],"structuredContent":{"s` + paint + `":"` + paint + `"}}`,
			"tools/call fail":          `{"isError":true,"content":[` + text + `,` + blob + `]}`,
			"tools/call broken":        `!{"code":-32603,"message":"` + paint + `","data":"` + paint + `"}`,
			"tools/call ask":           `{"content":[` + text + `]}`,
		},
	}
}

// steering returns the first thing in what came to a terminal that is more than
// text: nothing of it may be of others. What the command itself sends, to wipe the
// line that says what it waits for, is no harm.
func steering(said string) string {
	said = strings.ReplaceAll(said, "\r\x1b[K", "")
	said = strings.ReplaceAll(said, "\r\n", "\n") // which is how terminals write it
	for _, r := range said {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return string(r)
		}
	}
	return ""
}

// onTerminal runs the command on a terminal of its own, at which nobody types
// anything but the end of the input, and returns all that came there.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	terminal, program := openTerminal(t)
	defer terminal.Close()
	cmd := command(args...)
	cmd.Env = append(cmd.Env, "NO_COLOR=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err := cmd.Start()
	program.Close()
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // an error says that it has ended
	if _, err := io.WriteString(terminal, "\x04\x04\x04"); err != nil {
		t.Error(err)
	}
	var said bytes.Buffer
	_, err = said.ReadFrom(terminal)
	if err != nil && !errors.Is(err, syscall.EIO) { // which is how a terminal ends
		t.Error(err)
	}
	_ = cmd.Wait() // its exit code says how it went, which is not asked
	if !late.Stop() {
		t.Errorf("the command did not end: %q", said.String())
	}
	return strings.ReplaceAll(said.String(), "^D\b\b", "") // what was typed is shown
}

// openTerminal returns the two ends of a new terminal: the one that people sit at,
// and the one that a program has.
func openTerminal(t *testing.T) (terminal, program *os.File) {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there are no terminals here:", err)
	}
	fd := int(terminal.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return terminal, program
}
