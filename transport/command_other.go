//go:build !unix && !windows

package transport

import (
	"os"
	"syscall"
	"time"
)

func groupAttr() *syscall.SysProcAttr { return nil }

// group is one process: there are no groups here.
type group struct{ leader *os.Process }

func newGroup(leader *os.Process) group { return group{leader} }

func (g group) kill()                    { _ = g.leader.Kill() } // fails where it has ended
func (g group) terminate()               { _ = g.leader.Signal(os.Interrupt) }
func (g group) awaitEmpty(time.Duration) {}
