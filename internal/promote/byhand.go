package promote

import (
	"fmt"
	"slices"
	"strings"
)

// Wish names one artifact of freight that is made by hand (F5): what it is called
// there, and a tag, digest, version, commit, or branch. Both are as written.
type Wish struct{ Name, Version string }

// Chosen are wishes by the subscription that they are for.
type Chosen struct {
	Images  map[string]string // by repository
	Charts  map[string]string // by name
	Commits map[string]string // by repository
}

// subscribed is one subscription with the names that people may call it by.
type subscribed struct {
	full  string
	short []string
	put   func(version string) (again bool)
}

// Choose finds the subscription that each wish is for. Subscriptions without a
// wish are left to the newest.
func (w Warehouse) Choose(wishes []Wish) (Chosen, error) {
	out := Chosen{Images: map[string]string{}, Charts: map[string]string{}, Commits: map[string]string{}}
	all := w.subscribed(out)
	for _, wish := range wishes {
		s, err := w.called(wish.Name, all)
		if err != nil {
			return Chosen{}, err
		}
		if s.put(wish.Version) {
			return Chosen{}, fmt.Errorf("`%s` is named twice", s.full)
		}
	}
	for _, s := range w.Images {
		if c, ok := s.channelOf(out.Images[s.Repository]); ok {
			return Chosen{}, fmt.Errorf("`%s` is of channel %s: only a takeover makes freight of it", out.Images[s.Repository], c.Name)
		}
	}
	return out, nil
}

// channelOf is the channel that a tag is of.
func (s ImageSubscription) channelOf(tag string) (Channel, bool) {
	i := slices.IndexFunc(s.Channels, func(c Channel) bool { return tag != "" && c.Tag.MatchString(tag) })
	if i < 0 {
		return Channel{}, false
	}
	return s.Channels[i], true
}

func (w Warehouse) subscribed(out Chosen) []subscribed {
	put := func(into map[string]string, key string) func(string) bool {
		return func(version string) bool {
			_, again := into[key]
			into[key] = version
			return again
		}
	}
	only := func(kind string, n int) []string {
		if n == 1 {
			return []string{kind}
		}
		return nil
	}
	var all []subscribed
	for _, s := range w.Images {
		all = append(all, subscribed{s.Repository, append(only("image", len(w.Images)), lastPart(s.Repository)), put(out.Images, s.Repository)})
	}
	for _, s := range w.Charts {
		full := s.Repository
		if !strings.HasPrefix(full, "oci://") {
			full += "/" + s.Name
		}
		all = append(all, subscribed{full, append(only("chart", len(w.Charts)), s.Name), put(out.Charts, s.Name)})
	}
	for _, s := range w.Gits {
		all = append(all, subscribed{s.Repository, append(only("commit", len(w.Gits)), lastPart(s.Repository)), put(out.Commits, s.Repository)})
	}
	return all
}

// called finds the one subscription of a name. The full name always means that
// one; a shorter one must not mean two.
func (w Warehouse) called(name string, all []subscribed) (subscribed, error) {
	var found []subscribed
	for _, s := range all {
		if name == s.full || NormaliseImage(name) == s.full || NormaliseRepository(name) == s.full {
			return s, nil
		}
		if slices.Contains(s.short, name) {
			found = append(found, s)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return subscribed{}, fmt.Errorf("%q may be %s: write it in full", name, fullNames(found, " or "))
	}
	return subscribed{}, fmt.Errorf("warehouse %s subscribes to no %q; it has %s", w.Name, name, fullNames(all, " and "))
}

func fullNames(list []subscribed, last string) string {
	var out []string
	for _, s := range list {
		out = append(out, "`"+s.full+"`")
	}
	if n := len(out); n > 1 {
		return strings.Join(out[:n-1], ", ") + last + out[n-1]
	}
	return strings.Join(out, "")
}

func lastPart(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
