package directives

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"
)

// Exec runs a program in a copy of the workspace; what it leaves takes the
// workspace's place.
type Exec struct {
	Command []string // the program and its arguments; there is no shell
	Timeout time.Duration
}

// ErrRunning says that a command was begun or goes on: what it makes is there when
// the directives are run again later.
var ErrRunning = errors.New("the command goes on")

// Kind implements Directive.
func (Exec) Kind() string { return "exec" }

// Target is the program, for errors.
func (e Exec) Target() string { return e.Command[0] }

// Apply has the command run where somebody runs commands (D6). What it left is
// judged as a source is: links that lead out and names of git's are refused.
func (e Exec) Apply(ctx context.Context, ws *Workspace, env *Env) error {
	if env.Exec == nil {
		return errors.New("only `action run` runs commands")
	}
	left, err := env.Exec(ctx, e, ws)
	if err != nil {
		return err
	}
	made := NewWorkspace()
	info, err := fs.Lstat(left, ".")
	if err != nil {
		return err
	}
	entries := maxTree
	if err := made.copyIn(ctx, ".", copier{tree: left, from: ".", left: &entries}, info); err != nil {
		return fmt.Errorf("the command left what can not be taken: %w", err)
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.root = made.root
	return nil
}

// What a command may leave: a workspace is in memory, and GitHub takes no larger file.
const (
	maxLeft = 256 << 20
	maxFile = 100 << 20
)

// Taken reads a tree into memory, whole, with what belongs into a workspace: files,
// links as they are, and folders that are not empty. Anything else is refused by its
// name, and so is too much.
func Taken(ctx context.Context, tree fs.FS) (*Workspace, error) {
	t := taking{tree: tree, entries: maxTree, bytes: maxLeft}
	root, err := t.dir(ctx, ".")
	if err != nil {
		return nil, err
	}
	if root == nil {
		root = newDir()
	}
	return &Workspace{root: root}, nil
}

// taking is a tree that is being read, and how much of it may still come.
type taking struct {
	tree    fs.FS
	entries int
	bytes   int64
}

// dir reads a folder; nil where there is nothing in it.
func (t *taking) dir(ctx context.Context, name string) (*node, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(t.tree, name)
	if err != nil {
		return nil, err
	}
	if t.entries -= len(entries); t.entries < 0 {
		return nil, errTooManyEntries
	}
	out := newDir()
	for _, entry := range entries {
		at := path.Join(name, entry.Name())
		if err := CheckPath(at); err != nil {
			return nil, err
		}
		n, err := t.entry(ctx, at)
		if err != nil {
			return nil, err
		}
		if n != nil {
			out.children[entry.Name()] = n
		}
	}
	if len(out.children) == 0 {
		return nil, nil
	}
	return out, nil
}

func (t *taking) entry(ctx context.Context, name string) (*node, error) {
	info, err := fs.Lstat(t.tree, name)
	if err != nil {
		return nil, err
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		return t.dir(ctx, name)
	case fs.ModeSymlink:
		target, err := fs.ReadLink(t.tree, name)
		if err != nil {
			return nil, err
		}
		_, err = linkTarget(name, target)
		return &node{mode: fs.ModeSymlink | 0o777, data: []byte(target)}, err
	case 0:
		if info.Size() > maxFile {
			return nil, fmt.Errorf("%q has more than %d MiB", name, maxFile>>20)
		}
		if t.bytes -= info.Size(); t.bytes < 0 {
			return nil, fmt.Errorf("it has more than %d MiB", maxLeft>>20)
		}
		data, err := fs.ReadFile(t.tree, name)
		return &node{mode: fileMode(info.Mode()), data: data}, err
	}
	return nil, fmt.Errorf("%q is neither a file nor a directory", name)
}
