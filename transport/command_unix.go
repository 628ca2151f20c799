//go:build unix

package transport

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// groupAttr makes the process the leader of a group of its own, which no signal
// of the terminal reaches: its server is ended in order when this process is.
func groupAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// group is the process group of a child: its leader's id.
type group int

func newGroup(leader *os.Process) group { return group(leader.Pid) }

// kill ends all of the group at once.
func (g group) kill() { _ = unix.Kill(-int(g), unix.SIGKILL) } // fails where there is nobody

// terminate asks all of the group to end.
func (g group) terminate() { _ = unix.Kill(-int(g), unix.SIGTERM) }

// awaitEmpty waits until nobody is in the group. It only looks, so it does no
// harm should the id be another's by then. Somebody has to reap those whose
// parent has ended; where nobody does they stay, and limit bounds the waiting.
func (g group) awaitEmpty(limit time.Duration) {
	for pause := time.Millisecond; limit > 0; pause *= 2 {
		if unix.Kill(-int(g), 0) == unix.ESRCH {
			return
		}
		time.Sleep(min(pause, limit))
		limit -= pause
	}
}
