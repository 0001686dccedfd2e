package githubtest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	noCommit  = "0000000000000000000000000000000000000000"
	emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904" // git knows it without having it
)

// gitDir is a bare repository, handled by the git program so that git's own
// rules hold.
type gitDir string

// gitEnv is the whole environment of every git we start: nothing of the
// host's configuration has a say.
func gitEnv(extra ...string) []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1",
	}, extra...)
}

// errGit is a git command that ended with another status than 0.
type errGit struct {
	args   []string
	status int
	stdout string
	stderr string
}

func (e *errGit) Error() string {
	return fmt.Sprintf("git %s: exit status %d: %s", strings.Join(e.args, " "), e.status, strings.TrimSpace(e.stderr))
}

func (g gitDir) run(args ...string) (string, error) { return g.exec(nil, "", args...) }

func (g gitDir) exec(env []string, stdin string, args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"--git-dir", string(g)}, args...)...)
	cmd.Env = gitEnv(env...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return "", &errGit{args: args, status: exit.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return stdout.String(), nil
}

// gitConfig is written whole into each repository: filters as on GitHub, which
// allows blob:none and tree:0 and nothing deeper; refs/pull can not be pushed.
const gitConfig = `[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
	hooksPath = hooks
[gc]
	auto = 0
[http]
	receivepack = true
[receive]
	fsckObjects = true
	hideRefs = refs/pull
	autogc = false
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[uploadpackfilter]
	allow = false
[uploadpackfilter "blob:none"]
	allow = true
[uploadpackfilter "tree"]
	allow = true
	maxDepth = 0
`

// updateHook refuses pushes to the branches that are listed in the file
// "protected", unless the pusher is listed there: lines "refs/heads/x login…".
const updateHook = `#!/bin/sh
while read -r ref people; do
	test "$ref" = "$1" || continue
	for login in $people; do
		test "$login" = "$REMOTE_USER" && exit 0
	done
	echo "error: GH006: Protected branch update failed for $1." >&2
	echo "error: Changes must be made through a pull request." >&2
	exit 1
done < protected
`

func createGitDir(dir, branch string) (gitDir, error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil {
		return "", fmt.Errorf("%s exists", dir)
	}
	init := exec.Command("git", "init", "--quiet", "--bare", "--template=", "--initial-branch="+branch, dir)
	init.Env = gitEnv()
	if out, err := init.CombinedOutput(); err != nil {
		return "", fmt.Errorf("git init: %w: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(gitConfig), 0o644); err != nil {
		return "", err
	}
	if err := os.Mkdir(filepath.Join(dir, "hooks"), 0o755); err != nil {
		return "", err
	}
	return gitDir(dir), nil
}

// protect rewrites the list that updateHook reads. The hook comes with it: a
// shell for each ref is dear where nothing is protected.
func (g gitDir) protect(branches map[string]Protection) error {
	if err := os.WriteFile(filepath.Join(string(g), "hooks", "update"), []byte(updateHook), 0o755); err != nil {
		return err
	}
	var lines []string
	for branch, p := range branches {
		if p.Approvals > 0 || len(p.Checks) > 0 {
			lines = append(lines, "refs/heads/"+branch+" "+strings.Join(p.Bypass, " ")+"\n")
		}
	}
	sort.Strings(lines)
	return os.WriteFile(filepath.Join(string(g), "protected"), []byte(strings.Join(lines, "")), 0o644)
}

// refs lists all refs with their objects, refs/pull apart.
func (g gitDir) refs() (map[string]string, error) {
	out, err := g.run("for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		id, name, ok := strings.Cut(line, " ")
		if ok && !strings.HasPrefix(name, "refs/pull/") {
			refs[name] = id
		}
	}
	return refs, nil
}

// resolve names the commit that rev means; "" when there is none.
func (g gitDir) resolve(rev string) (string, error) {
	out, err := g.run("rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	var failed *errGit
	if errors.As(err, &failed) {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// contains says whether commit is an ancestor of head, or head itself.
func (g gitDir) contains(head, commit string) (bool, error) {
	_, err := g.run("merge-base", "--is-ancestor", commit, head)
	var failed *errGit
	if errors.As(err, &failed) && failed.status == 1 {
		return false, nil
	}
	return err == nil, err
}

// mergeBase returns "" when the two have no history in common.
func (g gitDir) mergeBase(a, b string) (string, error) {
	out, err := g.run("merge-base", a, b)
	var failed *errGit
	if errors.As(err, &failed) && failed.status == 1 {
		return "", nil
	}
	return strings.TrimSpace(out), err
}

// mergeTree merges two commits and returns the tree; clean is false when they
// conflict or have no history in common.
func (g gitDir) mergeTree(ours, theirs string) (tree string, clean bool, err error) {
	out, err := g.run("merge-tree", "--write-tree", "--no-messages", ours, theirs)
	var failed *errGit
	if errors.As(err, &failed) {
		return "", false, nil
	}
	return strings.TrimSpace(out), err == nil, err
}

// identity is who stands in a commit, and when.
type identity struct {
	Name  string
	Email string
	Date  time.Time
}

func (i identity) stamp() string { return fmt.Sprintf("%d +0000", i.Date.Unix()) }

// commitTree writes a commit object and returns its id.
func (g gitDir) commitTree(tree, message string, author, committer identity, parents ...string) (string, error) {
	args := []string{"commit-tree", tree}
	for _, parent := range parents {
		args = append(args, "-p", parent)
	}
	out, err := g.exec([]string{
		"GIT_AUTHOR_NAME=" + author.Name, "GIT_AUTHOR_EMAIL=" + author.Email, "GIT_AUTHOR_DATE=" + author.stamp(),
		"GIT_COMMITTER_NAME=" + committer.Name, "GIT_COMMITTER_EMAIL=" + committer.Email, "GIT_COMMITTER_DATE=" + committer.stamp(),
	}, message, args...)
	return strings.TrimSpace(out), err
}

// commitFiles puts a commit on a branch, which it creates when it is missing,
// from the commit `from` or, when that is empty too, without a parent. A nil
// content deletes the path. It returns the new commit.
func (g gitDir) commitFiles(branch, from, message string, who identity, files map[string]*string) (string, error) {
	var in strings.Builder
	fmt.Fprintf(&in, "commit refs/heads/%s\ncommitter %s <%s> %s\ndata %d\n%s\n",
		branch, who.Name, who.Email, who.stamp(), len(message), message)
	if from != "" {
		fmt.Fprintf(&in, "from %s\n", from)
	}
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		if strings.ContainsAny(path, "\"\n") {
			return "", fmt.Errorf("path %q can not be committed", path)
		}
		content := files[path]
		if content == nil {
			fmt.Fprintf(&in, "D %s\n", path)
			continue
		}
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", path, len(*content), *content)
	}
	in.WriteString("done\n")
	if _, err := g.exec(nil, in.String(), "fast-import", "--quiet", "--done"); err != nil {
		return "", err
	}
	return g.resolve("refs/heads/" + branch)
}

// annotate writes a tag object for a commit and returns its id.
func (g gitDir) annotate(tag, commit, message string, who identity) (string, error) {
	out, err := g.exec(nil, fmt.Sprintf("object %s\ntype commit\ntag %s\ntagger %s <%s> %s\n\n%s\n", commit, tag, who.Name, who.Email, who.stamp(), message), "mktag")
	return strings.TrimSpace(out), err
}

// updateRef moves a ref from old to new; noCommit as old means it must not
// exist, as new it deletes.
func (g gitDir) updateRef(ref, new, old string) error {
	_, err := g.exec(nil, fmt.Sprintf("update %s %s %s\n", ref, new, old), "update-ref", "--stdin")
	return err
}

// readFile returns the bytes of a path at a revision.
func (g gitDir) readFile(rev, path string) ([]byte, error) {
	out, err := g.run("cat-file", "blob", rev+":"+path)
	return []byte(out), err
}

// gitCommit is a commit as git holds it.
type gitCommit struct {
	ID, Tree  string
	Parents   []string
	Author    identity
	Committer identity
	Message   string
}

func parseIdentity(fields []string) identity {
	unix, _ := strconv.ParseInt(fields[2], 10, 64)
	return identity{Name: fields[0], Email: fields[1], Date: time.Unix(unix, 0).UTC()}
}

// commits lists what `git log` prints for the given arguments, newest first.
func (g gitDir) commits(args ...string) ([]gitCommit, error) {
	format := "--format=%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B%x00"
	out, err := g.run(append([]string{"log", "--no-color", format}, args...)...)
	if err != nil {
		return nil, err
	}
	var list []gitCommit
	fields := strings.Split(out, "\x00")
	for ; len(fields) > 10; fields = fields[10:] {
		list = append(list, gitCommit{
			ID: strings.TrimSpace(fields[0]), Tree: fields[1], Parents: strings.Fields(fields[2]),
			Author: parseIdentity(fields[3:6]), Committer: parseIdentity(fields[6:9]),
			Message: strings.TrimRight(fields[9], "\n"),
		})
	}
	return list, nil
}

func (g gitDir) commit(id string) (gitCommit, error) {
	list, err := g.commits("-1", "--end-of-options", id)
	if err != nil {
		return gitCommit{}, err
	}
	if len(list) == 0 {
		return gitCommit{}, fmt.Errorf("no commit %s", id)
	}
	return list[0], nil
}

// fileChange is one path that differs between two trees.
type fileChange struct {
	Path      string
	Status    string // added, removed or modified
	Blob      string
	Additions int
	Deletions int
}

// diff lists the paths that differ, without looking for renames.
func (g gitDir) diff(from, to string) ([]fileChange, error) {
	out, err := g.run("diff-tree", "-r", "-z", "--no-renames", "--raw", "--numstat", "--no-abbrev", from, to)
	if err != nil {
		return nil, err
	}
	var list []fileChange
	byPath := map[string]int{}
	kinds := map[byte]string{'A': "added", 'D': "removed"}
	parts := strings.Split(out, "\x00")
	for i := 0; i < len(parts); i++ {
		if strings.HasPrefix(parts[i], ":") && i+1 < len(parts) {
			f := strings.Fields(parts[i])
			change := fileChange{Path: parts[i+1], Status: "modified", Blob: f[3]}
			if kind, ok := kinds[f[4][0]]; ok {
				change.Status = kind
			}
			if change.Status == "removed" {
				change.Blob = f[2]
			}
			byPath[change.Path] = len(list)
			list = append(list, change)
			i++
		} else if f := strings.SplitN(parts[i], "\t", 3); len(f) == 3 {
			change := &list[byPath[f[2]]]
			change.Additions, _ = strconv.Atoi(f[0]) // "-" for binary files: no lines
			change.Deletions, _ = strconv.Atoi(f[1])
		}
	}
	return list, nil
}

// size is how much the objects take on disk, in KiB, rounded up.
func (g gitDir) size() (int, error) {
	total := int64(0)
	err := fs.WalkDir(os.DirFS(string(g)), "objects", func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return int((total + 1023) >> 10), err
}
