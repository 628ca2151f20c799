//go:build unix

package transport

import (
	"os"

	"golang.org/x/sys/unix"
)

// TakeStdout returns the process's standard output and makes file descriptor 1
// mean standard error until restore is called: a stray print must not stand
// between two messages. Prints through a logger made earlier, by C code or by a
// child process follow the descriptor, not the variable os.Stdout.
func TakeStdout() (stdout *os.File, restore func(), err error) {
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.Dup2(2, 1); err != nil {
		unix.Close(fd)
		return nil, nil, err
	}
	stdout = os.NewFile(uintptr(fd), "stdout")
	return stdout, func() {
		_ = unix.Dup2(fd, 1) // what worked one way works the other
		stdout.Close()
	}, nil
}
