package render

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// R1: a call by the numbers of another architecture, by which 20 asks for the
// process and not, as here, to write.
func TestChildrenMayNotCallAsAnotherArchitecture(t *testing.T) {
	const role = "TOWPATH_TEST_I386"
	if how := os.Getenv(role); how != "" {
		stdout := os.Stdout
		if how == "confined" {
			(&worker{limits: Limits{}.orDefaults()}).confine(false)
		}
		_, _ = stdout.WriteString(map[bool]string{true: "called", false: "refused"}[i386(t, 20) == int32(os.Getpid())])
		os.Exit(0)
	}
	if out, err := again(t.Name(), role, "free").Output(); err != nil || string(out) != "called" {
		t.Skipf("SKIPPED: this kernel runs nothing of i386: %s%v", out, err)
	}
	if out, err := again(t.Name(), role, "confined").Output(); err != nil || string(out) != "refused" {
		t.Errorf("%s%v", out, err)
	}
}

// i386 makes a system call by its number there, and returns what that returns.
func i386(t *testing.T, number byte) int32 {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	code := []byte{
		0xb8, number, 0, 0, 0, // mov eax, number
		0xcd, 0x80, // int 0x80
		0x89, 0x05, 50, 0, 0, 0, // mov [rip+50], eax
		0xc3, // ret
	}
	copy(memory, code)
	start := &memory[0]
	function := &start
	(*(*func())(unsafe.Pointer(&function)))()
	return *(*int32)(unsafe.Pointer(&memory[13+50]))
}
