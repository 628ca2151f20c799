package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/sessionmcp/sessionmcp/internal/redact"
)

// Start starts the program and connects to it. The process has a group of its
// own, on Windows a job, and the whole group is ended with the link, also when
// the program has ended by itself and left others behind. What is asked when the
// program ends is told a [*ProcessError], which is the error of Start, too.
//
// If this process is killed nothing of the sort happens, but the program's input
// ends, which is how a server is told to end (2024-11-05, stdio). There is no
// parent-death signal: it would come when a thread of this process ends.
func Start(c Command, to Receiver, o LinkOptions) (Link, error) {
	p := &process{command: c, errRead: make(chan struct{}), exited: make(chan struct{})}
	if p.command.Grace == 0 {
		p.command.Grace = 2 * time.Second
	}
	if err := p.start(); err != nil {
		return nil, &ProcessError{Name: c.Path, Err: err}
	}
	l := openStreams(p.out, p.in, to, &o, p)
	go p.readStderr()
	go func() {
		p.await()
		l.hangUp(ErrServerGone)
	}()
	return l, nil
}

// process is the far end of a link that has been started.
type process struct {
	command Command
	cmd     *exec.Cmd
	in      *os.File // its standard input, and so on: this side of each
	out     *os.File
	err     *os.File
	group   group

	mu     sync.Mutex
	reaped bool // from then on its id may be another's

	tail    tail          // of standard error; read when errRead is closed, or under its lock
	errRead chan struct{} // standard error has ended
	exited  chan struct{} // the process and its group are gone
}

// start starts the program on three pipes. They are not those of os/exec, whose
// Wait would close them before they have been read.
func (p *process) start() error {
	if p.command.Path == "" {
		return errors.New("no program is named")
	}
	p.cmd = exec.Command(p.command.Path, p.command.Args...)
	p.cmd.Env, p.cmd.Dir = p.command.Env, p.command.Dir
	p.cmd.SysProcAttr = groupAttr()

	var files [6]*os.File // theirs and ours of each
	closeAll := func(files []*os.File) {
		for _, f := range files {
			f.Close() // which a nil file survives
		}
	}
	for i := 0; i < len(files); i += 2 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(files[:])
			return err
		}
		files[i], files[i+1] = w, r
	}
	files[0], files[1] = files[1], files[0] // of the first it is the other end that is theirs
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = files[0], files[2], files[4]
	p.in, p.out, p.err = files[1], files[3], files[5]
	if err := p.cmd.Start(); err != nil {
		closeAll(files[:])
		return err
	}
	closeAll([]*os.File{files[0], files[2], files[4]})
	p.group = newGroup(p.cmd.Process)
	return nil
}

// await returns when the process has ended and nothing is left of its group,
// which is killed before the process is reaped: until then its id, which is its
// group's, is nobody else's. Where it cannot be waited for without reaping it,
// the id stays taken as long as somebody is left in the group, and if nobody is,
// it would have to be given to a new group in this very moment.
func (p *process) await() {
	reaped := !awaitExit(p.cmd.Process.Pid)
	if reaped {
		_ = p.cmd.Wait() // how it ended is in its ProcessState
	}
	p.mu.Lock()
	p.group.kill()
	if !reaped {
		_ = p.cmd.Wait()
	}
	p.reaped = true
	p.mu.Unlock()
	p.group.awaitEmpty(250 * time.Millisecond) // who has been killed is gone in no time
	close(p.exited)
}

// hangUp implements farEnd.
func (p *process) hangUp(readDone <-chan struct{}, why error) error {
	p.in.Close()
	forced := !within(p.exited, p.command.Grace)
	if forced {
		p.signal(group.terminate)
		if !within(p.exited, p.command.Grace) {
			p.signal(group.kill)
			within(p.exited, grace) // nothing survives that, but what the kernel holds
		}
	}
	// Who has left the group may hold the pipes open.
	deadline := time.Now().Add(grace)
	within(readDone, grace)
	within(p.errRead, max(time.Until(deadline), time.Millisecond))
	p.out.Close()
	p.err.Close()
	within(p.errRead, grace)
	if why == nil {
		return nil
	}
	if why == ErrServerGone {
		why = nil
		if forced {
			why = errors.New("it had closed its standard output")
		}
	}
	return &ProcessError{Name: p.command.Path, State: p.state(), Err: why, Stderr: p.tail.String()}
}

// state returns how the process ended, nil if it has not.
func (p *process) state() *os.ProcessState {
	select {
	case <-p.exited:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// signal does something to the group while its id is its own.
func (p *process) signal(do func(group)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		do(p.group)
	}
}

const (
	maxStderrLine = 8 << 10
	maxStderrTail = 2 << 10
)

// readStderr reads standard error to its end, whatever becomes of the link: a
// program that cannot write there would stop.
func (p *process) readStderr() {
	defer close(p.errRead)
	r := bufio.NewReaderSize(p.err, maxStderrLine)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			text := string(bytes.TrimRight(line, "\r\n"))
			if err == bufio.ErrBufferFull {
				text = cut(line, maxStderrLine-1) // or nobody sees that there was more
			}
			p.tail.add(text)
			if p.command.Stderr != nil {
				p.command.Stderr(text)
			}
		}
		for err == bufio.ErrBufferFull { // what is left of the line
			_, err = r.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

// tail is the last lines of a text, or the end of the last one.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(append(t.text, line...), '\n')
	over := len(t.text) - maxStderrTail
	if over <= 0 {
		return
	}
	if i := bytes.IndexByte(t.text[over-1:len(t.text)-1], '\n'); i >= 0 {
		t.text = append(t.text[:0], t.text[over+i:]...)
	} else {
		t.text = append(append(t.text[:0], redact.Cut...), t.text[over+len(redact.Cut):]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ToValidUTF8(strings.TrimSpace(string(t.text)), "")
}

// Error says how the program ended and what it last wrote, or why it could not be
// started and what to do about it.
func (e *ProcessError) Error() string {
	text := e.Name
	switch {
	case e.State == nil:
		text = startFailure(e.Name, e.Err)
	case e.State.ExitCode() >= 0:
		text += fmt.Sprintf(" exited with status %d", e.State.ExitCode())
	default:
		text += " was ended by a " + e.State.String() // signal: killed
	}
	if e.State != nil && e.Err != nil {
		text += ", after: " + e.Err.Error()
	}
	if e.Stderr != "" {
		text += "; it last wrote: " + e.Stderr
	}
	return text
}

// Unwrap returns Err.
func (e *ProcessError) Unwrap() error { return e.Err }

func startFailure(name string, err error) string {
	text := fmt.Sprintf("cannot start %q: ", name)
	switch {
	case errors.Is(err, exec.ErrDot):
		return text + "it is in the current directory and not in PATH: put ./ before the name"
	case errors.Is(err, exec.ErrNotFound):
		return text + "it is not in PATH: install it, or give its full path"
	case errors.Is(err, fs.ErrNotExist):
		return text + err.Error() + ": check the path, the working directory, and the interpreter if it is a script"
	case errors.Is(err, fs.ErrPermission):
		return text + err.Error() + ": make the file executable"
	case err == nil:
		return text + "the reason is not known"
	}
	return text + err.Error()
}
