package transport

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// groupAttr makes the process the root of a console group of its own.
func groupAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP}
}

// group is a job that holds the child and what it starts. What it has started
// before it was put there is not held.
type group struct {
	leader *os.Process
	job    windows.Handle // 0 if there is none
}

func newGroup(leader *os.Process) group {
	g := group{leader: leader}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return g
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	assigned := false
	if err == nil {
		err = leader.WithHandle(func(h uintptr) {
			assigned = windows.AssignProcessToJobObject(job, windows.Handle(h)) == nil
		})
	}
	if err != nil || !assigned {
		_ = windows.CloseHandle(job)
		return g
	}
	g.job = job
	return g
}

// kill ends all of the job at once.
func (g group) kill() {
	if g.job != 0 {
		_ = windows.TerminateJobObject(g.job, 1)
		return
	}
	_ = g.leader.Kill()
}

// terminate asks the process to end, as Ctrl-Break does: it has no SIGTERM.
func (g group) terminate() {
	_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(g.leader.Pid)) // kill comes next
}

// awaitEmpty lets go of the job, which has been terminated.
func (g group) awaitEmpty(time.Duration) {
	if g.job != 0 {
		_ = windows.CloseHandle(g.job)
	}
}

// awaitExit returns when the child has ended, and reports whether that is so: its
// handle keeps its id. If it is not, it has to be reaped to know.
func awaitExit(pid int) bool {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return false
	}
	defer windows.CloseHandle(h)
	_, err = windows.WaitForSingleObject(h, windows.INFINITE)
	return err == nil
}
