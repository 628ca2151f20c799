//go:build unix

package transport

import (
	"os/exec"
	"syscall"
)

// ownSession makes a child leave the group.
func ownSession(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
