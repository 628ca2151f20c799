package transport

import "golang.org/x/sys/unix"

// awaitExit returns when the child has ended, without reaping it, and reports
// whether that worked.
func awaitExit(pid int) bool {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
