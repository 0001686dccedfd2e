package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
)

// maxRefsBytes bounds an answer to ls-refs: some half a million refs.
const maxRefsBytes = 64 << 20

// Refs asks the server, in one request, for the refs whose full names start
// with one of the prefixes (none: all), and gives full name → id. The id of an
// annotated tag is the tag's; Commit and Tree look through it. An empty
// repository gives an empty map.
func (r *Repo) Refs(ctx context.Context, prefixes ...string) (map[string]string, error) {
	list, err := r.listRefs(ctx, prefixes)
	if err != nil {
		return nil, fmt.Errorf("read refs of %s: %w", r.url, err)
	}
	r.lines.listed(list, prefixes)
	refs := make(map[string]string, len(list.refs))
	for name, id := range list.refs {
		refs[name] = id.String()
	}
	return refs, nil
}

// DefaultBranch gives the full name of the ref that HEAD stands for, as the
// last Refs saw it, or asks when nothing was read yet. An empty repository on
// a server that does not name it gives "".
func (r *Repo) DefaultBranch(ctx context.Context) (string, error) {
	if head, ok := r.lines.head(); ok {
		return head, nil
	}
	onlyHead := []string{"HEAD"}
	list, err := r.listRefs(ctx, onlyHead)
	if err != nil {
		return "", fmt.Errorf("read the default branch of %s: %w", r.url, err)
	}
	r.lines.listed(list, onlyHead)
	return list.head, nil
}

type refList struct {
	refs map[string]plumbing.Hash
	head string // the ref that HEAD stands for, or ""
}

func (r *Repo) listRefs(ctx context.Context, prefixes []string) (refList, error) {
	var req pktWriter
	req.linef("command=ls-refs\n")
	req.delim()
	req.linef("symrefs\n")
	req.linef("unborn\n")
	if len(prefixes) > 0 {
		req.linef("ref-prefix HEAD\n")
	}
	for _, prefix := range prefixes {
		if strings.ContainsFunc(prefix, unicode.IsControl) || len(prefix) > 1024 {
			return refList{}, fmt.Errorf("ref prefix %q is not allowed", prefix)
		}
		req.linef("ref-prefix %s\n", prefix)
	}
	req.flush()
	body, err := r.remote.post(ctx, uploadPack, req.Bytes())
	if err != nil {
		return refList{}, err
	}
	defer body.Close()
	return decodeRefs(body)
}

func decodeRefs(body io.Reader) (refList, error) {
	list := refList{refs: map[string]plumbing.Hash{}}
	limited := &io.LimitedReader{R: body, N: maxRefsBytes}
	lines := pktReader{r: limited}
	for {
		kind, data, err := lines.next()
		if err != nil {
			if limited.N <= 0 {
				return refList{}, fmt.Errorf("more than %d bytes of refs", maxRefsBytes)
			}
			return refList{}, noEOF(err)
		}
		if kind != pktData {
			return list, nil
		}
		if err := list.add(strings.TrimSuffix(string(data), "\n")); err != nil {
			return refList{}, err
		}
	}
}

// add takes one line: id or "unborn", name, attributes.
func (l *refList) add(line string) error {
	fields := strings.Split(line, " ")
	if len(fields) < 2 || fields[1] == "" {
		return errors.New("not a git server's answer: malformed ref")
	}
	id, name := fields[0], fields[1]
	if name == "HEAD" {
		for _, attribute := range fields[2:] {
			if target, ok := strings.CutPrefix(attribute, "symref-target:"); ok {
				l.head = target
			}
		}
		return nil
	}
	h, err := parseID(id)
	if err != nil {
		return fmt.Errorf("ref %q: %w", name, err)
	}
	l.refs[name] = h
	return nil
}
