package render

import (
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// endWithParent has the kernel end the process with its parent, also when it is too
// busy to see that nobody listens to it any more, or when somebody else has inherited
// the pipe. The kernel looks at the thread that started it, and Go ends none unless a
// goroutine ends with its thread locked.
func endWithParent() {
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0) // else the closed pipe ends it
}

// boundMemory has the kernel refuse what would take the process to twice the limit
// that it is watched for: Go, while it copies one huge text, watches nothing. Where
// there is not even that much, it ends this process and not its parent.
func boundMemory(limit int64) {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0) // as below
	statm, err := os.ReadFile("/proc/self/statm")
	var skip, pages uint64
	if _, scanErr := fmt.Sscan(string(statm), &skip, &skip, &skip, &skip, &skip, &pages); err != nil || scanErr != nil {
		return // a system that does not show it; the watch remains
	}
	most := pages*uint64(os.Getpagesize()) + 2*uint64(limit)
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: most}) // as above
}

// calls are the system calls that a rendering never makes: open or change a file,
// make a socket, run a program, look into another process. Each architecture has
// its own spellings besides.
func calls() []uint32 {
	return append(legacyCalls(),
		unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_TRUNCATE,
		unix.SYS_UNLINKAT, unix.SYS_RENAMEAT2, unix.SYS_MKDIRAT, unix.SYS_MKNODAT, unix.SYS_LINKAT, unix.SYS_SYMLINKAT,
		unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWNAT,
		unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_CONNECT, unix.SYS_IO_URING_SETUP,
		unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV)
}

// forbid has the kernel refuse these calls, and all of another architecture than
// this program's. A kernel that can not is no reason not to render, since all of it
// is refused before it is tried; this is for what was overlooked. Deadly is for
// tests: whoever tries does not live to try something else.
func forbid(deadly bool) {
	refusal := unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	if deadly {
		refusal = unix.SECCOMP_RET_KILL_PROCESS
	}
	program := filter(calls(), refusal)
	runtime.LockOSThread() // the first call is what allows the second one, to this thread
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == nil {
		fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
		_, _, _ = unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
	}
}

// filter is a program for the kernel that answers the calls with a refusal.
func filter(calls []uint32, refusal uint32) []unix.SockFilter {
	const number, arch, x32 = 0, 4, 0x40000000 // where the filter finds the first two; x32's calls carry the third
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	refuse := func(compare uint16, k uint32) []unix.SockFilter { // of what is loaded
		return []unix.SockFilter{
			{Code: unix.BPF_JMP | compare | unix.BPF_K, K: k, Jf: 1},
			{Code: unix.BPF_RET | unix.BPF_K, K: refusal},
		}
	}
	var out []unix.SockFilter
	if auditArch != 0 {
		own := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: auditArch, Jt: 1}
		out = append(out, load(arch), own, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: refusal})
	}
	out = append(out, load(number))
	out = append(out, refuse(unix.BPF_JGE, x32)...)
	for _, call := range calls {
		out = append(out, refuse(unix.BPF_JEQ, call)...)
	}
	return append(out, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
}
