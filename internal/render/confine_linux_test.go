package render

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/towpath/towpath/internal/directives"
)

// again is a test once more, in a process of its own that knows so by role.
func again(test, role, argument string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), role+"="+argument)
	return cmd
}

// R1: the calls that a rendering never makes, whatever they are called.
func TestChildrenMayNotCall(t *testing.T) {
	const role = "TOWPATH_TEST_CALLS"
	if dir := os.Getenv(role); dir != "" {
		stdout := os.Stdout
		(&worker{limits: Limits{}.orDefaults()}).confine(false)
		for name, call := range forbiddenCalls(dir) {
			if err := call(); !errors.Is(err, unix.EPERM) {
				fmt.Fprintf(stdout, "%s: %v\n", name, err)
			}
		}
		os.Exit(0)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := again(t.Name(), role, dir).Output(); err != nil || len(out) > 0 {
		t.Errorf("not refused are\n%s%v", out, err)
	}
}

func forbiddenCalls(dir string) map[string]func() error {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	raw := func(number uintptr) func() error {
		return func() error {
			_, _, errno := unix.Syscall6(number, 0, 0, 0, 0, 0, 0)
			return errno
		}
	}
	calls := map[string]func() error{
		"open":       func() error { _, err := os.Open(a); return err },
		"remove":     func() error { return unix.Unlinkat(unix.AT_FDCWD, a, 0) },
		"rename":     func() error { return unix.Renameat(unix.AT_FDCWD, a, unix.AT_FDCWD, b) },
		"rename, 2":  func() error { return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, 0) },
		"mkdir":      func() error { return unix.Mkdirat(unix.AT_FDCWD, b, 0o700) },
		"mknod":      func() error { return unix.Mknodat(unix.AT_FDCWD, b, unix.S_IFIFO, 0) },
		"link":       func() error { return unix.Linkat(unix.AT_FDCWD, a, unix.AT_FDCWD, b, 0) },
		"symlink":    func() error { return unix.Symlinkat(a, unix.AT_FDCWD, b) },
		"chmod":      func() error { return os.Chmod(a, 0o777) },
		"chmod, 2":   raw(unix.SYS_FCHMODAT2),
		"chown":      func() error { return os.Chown(a, 1, 1) },
		"truncate":   func() error { return os.Truncate(a, 1) },
		"handle":     raw(unix.SYS_OPEN_BY_HANDLE_AT),
		"socket":     raw(unix.SYS_SOCKET),
		"io_uring":   raw(unix.SYS_IO_URING_SETUP),
		"exec":       raw(unix.SYS_EXECVE),
		"execveat":   raw(unix.SYS_EXECVEAT),
		"trace":      raw(unix.SYS_PTRACE),
		"read from":  raw(unix.SYS_PROCESS_VM_READV),
		"write into": raw(unix.SYS_PROCESS_VM_WRITEV),
	}
	if runtime.GOARCH == "amd64" {
		// open creat link unlink rename mkdir rmdir mknod symlink chmod chown lchown
		for _, number := range []uintptr{2, 85, 86, 87, 82, 83, 84, 133, 88, 90, 92, 94} {
			calls[fmt.Sprint("old ", number)] = raw(number)
		}
		calls["of x32"] = raw(0x40000000 + unix.SYS_GETPID)
	}
	return calls
}

// R2: a child that is busy goes with a parent that is killed, also when the pipe to
// it stays open since somebody else has inherited that.
func TestBusyChildrenEndWithTheirParent(t *testing.T) {
	const role = "TOWPATH_TEST_PARENT"
	const endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"
	const hold = `{{ $l := list }}{{ range until %d }}{{ $l = append $l (repeat 1000000 "x") }}{{ end }}`
	charts := map[string]fstest.MapFS{
		"endless":          chartWith(map[string]string{"templates/a.yaml": endless}),
		"collects garbage": chartWith(map[string]string{"templates/a.yaml": fmt.Sprintf(hold, 95) + endless}),
	}
	if chart := charts[os.Getenv(role)]; chart != nil {
		pool := NewPool(Limits{Memory: 160 << 20})
		if err := pool.Warm(); err != nil {
			t.Fatal(err)
		}
		fmt.Println(pool.idle[0].cmd.Process.Pid)
		_, err := pool.Helm(t.Context(), chart, directives.HelmTemplate{Chart: "c", Release: "r"})
		t.Fatal(err)
	}
	self := t.Name()
	for name := range charts {
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pipe held: %t", name, held), func(t *testing.T) {
				cmd := again(self, role, name)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				line, err := bufio.NewReader(out).ReadString('\n')
				pid, _ := strconv.Atoi(strings.TrimSpace(line))
				fd, openErr := unix.PidfdOpen(pid, 0)
				if err != nil || openErr != nil {
					t.Fatal(line, err, openErr)
				}
				defer unix.Close(fd)
				if held {
					pipe, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", pid), os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer pipe.Close()
				}
				for ticks(t, pid) < 100 { // until it has worked for a second
					runtime.Gosched()
				}
				if score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid)); string(score) != "1000\n" {
					t.Errorf("out of memory, the kernel ends it by %q (%v)", score, err)
				}
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = cmd.Wait() // it was killed
				gone := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
				if n, err := unix.Poll(gone, 10_000); n != 1 {
					_ = unix.Kill(pid, unix.SIGKILL)
					t.Errorf("it lives: %v", err)
				}
			})
		}
	}
}

// ticks is how long a process has worked, in hundredths of a second.
func ticks(t *testing.T, pid int) (sum int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[slices.Index(stat, ')'):]))
	for _, field := range fields[12:14] {
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
