package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/towpath/towpath/internal/promote"
)

// names replaces what differs from run to run by words that a story can compare:
// addresses by public ones, hashes by what they are of, aliases by versions.
type names struct {
	words *strings.Replacer
	known map[string]string // full hash → word
}

// local turns the registry's name in a story into its address here.
func (w *world) local(text string) string {
	return strings.ReplaceAll(text, "ghcr.io/acme/", w.registry.Addr().String()+"/acme/")
}

var (
	commitWord  = regexp.MustCompile(`<commit:([^>]+)>`)
	commentWord = regexp.MustCompile(`<comment:(\d+)/(\d+)>`)
	timeWord    = regexp.MustCompile(`<time:([^>]*)>`)
)

// filled puts in place what a file of a story can not know: <commit:stage/test>,
// <comment:1/2> for the id of the second comment on #1, <time:0s> for now,
// <time:-1h> for an hour ago, and the registry's address.
func (w *world) filled(text string) (string, error) {
	var failed error
	text = commitWord.ReplaceAllStringFunc(text, func(word string) string {
		id, err := w.commit(commitWord.FindStringSubmatch(word)[1])
		failed = errors.Join(failed, err)
		return id
	})
	text = commentWord.ReplaceAllStringFunc(text, func(word string) string {
		place := commentWord.FindStringSubmatch(word)
		issue, _ := strconv.Atoi(place[1]) // digits
		n, _ := strconv.Atoi(place[2])
		comments := w.hub.Comments(w.repo, issue)
		if n < 1 || n > len(comments) {
			failed = errors.Join(failed, fmt.Errorf("there is no %s", word))
			return ""
		}
		return strconv.FormatInt(comments[n-1].ID, 10)
	})
	text = timeWord.ReplaceAllStringFunc(text, func(word string) string {
		d, err := time.ParseDuration(timeWord.FindStringSubmatch(word)[1])
		failed = errors.Join(failed, err)
		return w.clock.Now().Add(d).UTC().Format(time.RFC3339)
	})
	return w.local(text), failed
}

// spoken turns the names that stories use for freight into its aliases and ids.
func (w *world) spoken(text string) string {
	n := &names{known: map[string]string{}}
	words := w.nameFreight(n)
	slices.Reverse(words)
	for id, name := range n.known {
		words = append(words, name, id)
	}
	return strings.NewReplacer(words...).Replace(text)
}

func (w *world) names() *names {
	n := &names{known: map[string]string{}}
	for digest, tag := range w.images {
		n.known[strings.TrimPrefix(digest, "sha256:")] = "<digest:" + tag + ">"
	}
	w.nameCommits(n)
	words := []string{
		w.registry.Addr().String() + "/acme/", "ghcr.io/acme/", w.lab.registry.Addr().String(), "ghcr.io",
		w.hub.URL(), "https://github.test",
	}
	n.words = strings.NewReplacer(append(words, w.nameFreight(n)...)...)
	return n
}

// nameCommits calls every commit by the branch that it is on, and by how far it
// is behind the branch's head.
func (w *world) nameCommits(n *names) {
	for ref := range w.hub.Refs(w.repo) {
		branch := strings.TrimPrefix(ref, "refs/heads/")
		log, err := w.git("log", "--first-parent", "--format=%H", ref)
		if err != nil {
			continue
		}
		for i, commit := range strings.Fields(log) {
			name := fmt.Sprintf("<%s~%d>", branch, i)
			if i == 0 {
				name = "<" + branch + ">"
			}
			if known := n.known[commit]; known == "" || len(name) < len(known) || len(name) == len(known) && name < known {
				n.known[commit] = name
			}
		}
	}
}

// nameFreight calls freight by the tag of its image or by its warehouse, with
// the number where several have the same: pairs of alias and name.
func (w *world) nameFreight(n *names) []string {
	const ledger = "refs/heads/towpath/ledger"
	if in := w.repo; in != w.latest && w.hub.Refs(in)[ledger] == "" { // others write there
		w.repo = w.latest
		defer func() { w.repo = in }()
	}
	if w.repo == "" || w.hub.Refs(w.repo)[ledger] == "" {
		return nil
	}
	list, err := w.git("ls-tree", "-r", "--name-only", "towpath/ledger")
	if err != nil {
		return nil
	}
	var words []string
	seen := map[string]int{}
	byID := map[string]bool{}
	for _, file := range strings.Split(list, "\n") {
		if !strings.Contains(file, "/freight/") {
			continue
		}
		text, err := w.git("show", "towpath/ledger:"+file)
		var f promote.Freight
		if err != nil || json.Unmarshal([]byte(text), &f) != nil || byID[f.ID] {
			continue
		}
		byID[f.ID] = true
		name := f.Warehouse
		if len(f.Images) > 0 {
			name = f.Images[0].Tag
		}
		if seen[name]++; seen[name] > 1 {
			name = fmt.Sprintf("%s#%d", name, seen[name])
		}
		words = append(words, f.Alias, "<"+name+">")
		n.known[f.ID] = "<freight:" + name + ">"
	}
	return words
}

var (
	hash = regexp.MustCompile(`\b(sha256:)?[0-9a-f]{10,64}\b`)
	guid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	said = regexp.MustCompile(`\b(comment-|comments/|handle comment )\d+`)
)

func (n *names) plain(text string) string {
	text = guid.ReplaceAllString(n.words.Replace(text), "<uuid>")
	text = said.ReplaceAllString(text, "$1<id>")
	return hash.ReplaceAllStringFunc(text, func(found string) string {
		digits := strings.TrimPrefix(found, "sha256:")
		for full, name := range n.known {
			if strings.HasPrefix(full, digits) {
				return name
			}
		}
		// One short hash in a hundred has digits only. Other numbers of ten digits are
		// seconds since 1970, and of twelve there are none.
		if number := strings.Trim(digits, "0123456789") == ""; number && len(digits) != 12 && (len(digits) != 10 || strings.HasPrefix(digits, "17")) {
			return found
		}
		return "<hash>"
	})
}
