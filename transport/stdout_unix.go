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

// unread reports whether nobody reads what is written to f any more: it is a pipe,
// or a socket, whose other end is closed.
func unread(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	gone := false
	_ = conn.Control(func(fd uintptr) { // fails where f is closed
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, err := unix.Poll(fds, 0)
		gone = err == nil && n > 0 && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
	})
	return gone
}
