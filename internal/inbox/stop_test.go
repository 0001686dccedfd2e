package inbox

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// inboxFile names the file for the process that is to be killed.
const inboxFile = "TOWPATH_TEST_INBOX_FILE"

func TestMain(m *testing.M) {
	if file := os.Getenv(inboxFile); file != "" {
		fmt.Println(hang(file))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// hang runs the inbox with a look that says that it began and never ends.
func hang(file string) error {
	i, err := Open(context.Background(), file)
	if err != nil {
		return err
	}
	return i.Run(context.Background(), Config{
		Resolve: listeners,
		Look: func(_ context.Context, repository string) (time.Time, error) {
			fmt.Println("looking at", repository)
			select {}
		},
	})
}

// L2, and the third trap of the queue: what a killed process had in its hands is
// taken up by the next one at once.
func TestKilledLookIsTakenUpByTheNextProcess(t *testing.T) {
	file := newFile(t)
	i := openAt(t, file)
	put(t, i, "1", "repo:acme/a")
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}

	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), inboxFile+"="+file)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	if lines.Text() != "looking at acme/a" {
		t.Errorf("the child says %q", lines.Text())
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}

	b := start(t, openAt(t, file), Config{})
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
	b.put("1", "repo:acme/a") // known from before
	b.quietNow()
}

func TestStopLetsALookFinish(t *testing.T) {
	file := newFile(t)
	i := openAt(t, file)
	b := start(t, i, Config{Grace: time.Hour})
	b.put("1", "repo:acme/a")
	l := b.nextLook("acme/a")
	stopped := make(chan error)
	go func() { stopped <- b.stop() }()
	select {
	case <-l.ctx.Done():
		t.Error("the look's context ended with Run's")
	case err := <-stopped:
		t.Errorf("Run returned before the look: %v", err)
	case l.finish <- result{}:
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if n, err := i.Depth(t.Context()); n != 0 || err != nil {
		t.Errorf("%d ticks left, %v", n, err)
	}
}

func TestLookOutlastingTheGraceIsTakenUpByTheNextRun(t *testing.T) {
	file := newFile(t)
	i := openAt(t, file)
	b := start(t, i, Config{Grace: time.Millisecond})
	b.put("1", "repo:acme/a")
	l := b.nextLook("acme/a")
	if err := b.stop(); err != nil {
		t.Fatal(err)
	}
	<-l.ctx.Done()
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}

	b = start(t, openAt(t, file), Config{})
	b.nextLook("acme/a").finish <- result{}
	b.quietNow()
}

// The inbox may use 50 ms of the second in which a push becomes a pull request.
func BenchmarkPutToLook(b *testing.B) {
	i, err := Open(b.Context(), newFile(b))
	if err != nil {
		b.Fatal(err)
	}
	looked := make(chan struct{})
	ctx, cancel := context.WithCancel(b.Context())
	returned := make(chan error, 1)
	go func() {
		returned <- i.Run(ctx, Config{Resolve: listeners, Look: func(context.Context, string) (time.Time, error) {
			looked <- struct{}{}
			return time.Time{}, nil
		}})
	}()
	for n := 0; b.Loop(); n++ {
		put(b, i, fmt.Sprint(n), "repo:acme/a")
		<-looked
		b.StopTimer()
		if err := i.Idle(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	cancel()
	if err := <-returned; err != nil {
		b.Fatal(err)
	}
	i.Close()
}
