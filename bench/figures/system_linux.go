package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpu returns the time that all threads of the process have had, from the clock
// that the kernel keeps for it: finer than the ticks in /proc/PID/stat.
func (p *process) cpu() (time.Duration, error) {
	var at unix.Timespec
	clock := int32(^p.cmd.Process.Pid)<<3 | 2 // CPUCLOCK_SCHED, of a process
	err := unix.ClockGettime(clock, &at)
	return time.Duration(at.Nano()), err
}

// openFiles raises the limit of open files as far as it may go, for this process
// and those it starts, and returns it.
func openFiles() (int, error) {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 0, err
	}
	const enough = 100_000
	higher := unix.Rlimit{Cur: enough, Max: max(l.Max, enough)}
	if unix.Setrlimit(unix.RLIMIT_NOFILE, &higher) == nil { // as root
		return enough, nil
	}
	l.Cur = l.Max
	return int(l.Cur), unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}
