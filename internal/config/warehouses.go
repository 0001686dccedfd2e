package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// warehouse is a warehouse of the domain with what is known of it here.
type warehouse struct {
	domain promote.Warehouse
	when   *condition            // nil: always
	raw    List[rawSubscription] // in the order of what they are called
	at     At
	broken bool
}

// sample is freight of the warehouse, with a stand-in for each artifact. Those of
// two warehouses differ, as real ones may.
func (w warehouse) sample() promote.Freight {
	sum := sha256.Sum256([]byte(w.domain.Name))
	digest, id := "sha256:"+hex.EncodeToString(sum[:]), hex.EncodeToString(sum[:20])
	f := promote.Freight{ID: id, Alias: "sample", Warehouse: w.domain.Name}
	for _, s := range w.domain.Images {
		f.Images = append(f.Images, promote.Image{Repository: s.Repository, Tag: "0.0.0", Digest: digest, Revision: id})
	}
	for _, s := range w.domain.Gits {
		f.Commits = append(f.Commits, promote.Commit{Repository: s.Repository, ID: id})
	}
	for _, s := range w.domain.Charts {
		f.Charts = append(f.Charts, promote.Chart{Repository: s.Repository, Name: s.Name, Version: "0.0.0", Digest: digest})
	}
	return f
}

// buildWarehouses builds all warehouses.
func (b *builder) buildWarehouses() {
	if b.raw.Warehouses.Set() && b.raw.Warehouses.empty() {
		b.add(b.raw.Warehouses.At, "a pipeline needs at least one warehouse")
	}
	for _, raw := range b.raw.Warehouses.Items {
		name := raw.Name.Value
		if first, ok := b.warehouses[name]; ok {
			b.add(raw.Name.At, "warehouse %q is there twice; the first is at line %d", name, first.at.Line)
			continue
		}
		before := len(b.entries)
		w := b.warehouse(raw)
		if w.broken = len(b.entries) > before; !w.broken {
			w.when = b.when(raw, w)
		}
		b.warehouses[name] = w
		b.order = append(b.order, name)
	}
}

func (b *builder) warehouse(raw rawWarehouse) warehouse {
	w := warehouse{at: raw.Name.At}
	w.domain.Name, w.domain.Manual = raw.Name.Value, raw.Assemble.Value == "manual"
	if raw.Subscriptions.Set() && raw.Subscriptions.empty() {
		b.add(raw.Subscriptions.At, "a warehouse needs at least one subscription")
	}
	e := b.evaluator(b.scope("", "", b.vars))
	seen := map[string]At{}
	names := map[At]string{}
	for _, s := range raw.Subscriptions.Items {
		var what string
		switch {
		case s.Image != nil:
			image := e.image(*s.Image)
			what = "image " + image.Repository
			b.checkChannels(*s.Image, image)
			w.domain.Images = append(w.domain.Images, image)
		case s.Git != nil:
			git := e.git(*s.Git)
			what = "repository " + git.Repository
			w.domain.Gits = append(w.domain.Gits, git)
		case s.Chart != nil:
			chart := e.chartSubscription(*s.Chart)
			what = "chart " + chart.Name // directives and expressions know it by nothing else
			w.domain.Charts = append(w.domain.Charts, chart)
		}
		if first, twice := seen[what]; twice && !strings.HasSuffix(what, " ") {
			b.add(s.At, "%s is there twice in warehouse %q; the first is at line %d", what, w.domain.Name, first.Line)
		}
		seen[what], names[s.At] = s.At, what
	}
	w.raw = sortedBy(raw.Subscriptions, func(s rawSubscription) string { return names[s.At] })
	slices.SortFunc(w.domain.Images, func(a, b promote.ImageSubscription) int { return cmp.Compare(a.Repository, b.Repository) })
	slices.SortFunc(w.domain.Gits, func(a, b promote.GitSubscription) int { return cmp.Compare(a.Repository, b.Repository) })
	slices.SortFunc(w.domain.Charts, func(a, b promote.ChartSubscription) int { return cmp.Compare(a.Name, b.Name) })
	return w
}

// image builds an image subscription.
func (e *evaluator) image(raw rawImage) promote.ImageSubscription {
	s := promote.ImageSubscription{
		Select:     promote.Selection(raw.Select.Value),
		Constraint: e.text(raw.Constraint),
		Allow:      e.regexps(raw.Allow),
		Ignore:     e.regexps(raw.Ignore),
		Platform:   e.text(raw.Platform),
		ByTag:      raw.Identity.Value == "tag",
	}
	if repository := e.text(raw.Repository); repository != "" {
		s.Repository = promote.NormaliseImage(repository)
	}
	if s.Select == "" {
		s.Select = promote.SelectSemver
	}
	e.constraint(raw, s)
	for _, entry := range raw.Channels.Entries {
		if c := e.channel(entry.Key.Value, entry.Value); c.Tag != nil {
			s.Channels = append(s.Channels, c)
		}
	}
	return s
}

// channel builds a channel; one without a tag is broken.
func (e *evaluator) channel(name string, raw rawChannel) promote.Channel {
	c := promote.Channel{Name: name, Repository: promote.NormaliseRepository(e.or(raw.Repository, "."))}
	c.Tag, _ = regexp.Compile(e.text(raw.Tag)) // an error is reported by its format
	if c.Tag != nil && c.Tag.NumSubexp() > 1 {
		e.add(raw.Tag.At, "`tag` has %d groups; the one that is the number of the pull request is enough, (?:…) makes none", c.Tag.NumSubexp())
	}
	return c
}

// checkChannels reports a channel that means something else than its namesake:
// who takes a stage over says its name only.
func (b *builder) checkChannels(raw rawImage, image promote.ImageSubscription) {
	for _, entry := range raw.Channels.Entries {
		c, ok := image.Channel(entry.Key.Value)
		if !ok {
			continue
		}
		first, again := b.channels[c.Name]
		switch {
		case !again:
			b.channels[c.Name] = c
		case first.Repository != c.Repository:
			b.add(entry.Key.At, "channel %q means pull requests of %s here and of %s before; name one of them otherwise", c.Name, c.Repository, first.Repository)
		case first.Numbered() != c.Numbered():
			b.add(entry.Key.At, "channel %q has a number in one of its places and none in another", c.Name)
		}
	}
}

var isImageTag = matches(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`, "a tag")

// constraint checks a constraint, which means something else in each selection.
func (e *evaluator) constraint(raw rawImage, s promote.ImageSubscription) {
	var err error
	switch {
	case s.Select == promote.SelectDigest && !raw.Constraint.Set():
		e.add(raw.At, "`select: digest` needs the tag that is followed, as `constraint`")
	case s.Constraint == "":
	case s.Select == promote.SelectSemver:
		err = isConstraint(s.Constraint)
	case s.Select == promote.SelectDigest:
		err = isImageTag(s.Constraint)
	default:
		e.add(raw.Constraint.At, "`constraint` means nothing with `select: %s`; `allow` and `ignore` narrow the tags", s.Select)
	}
	if err != nil {
		e.add(raw.Constraint.At, "`constraint`: %s", err)
	}
}

// git builds a git subscription.
func (e *evaluator) git(raw rawGit) promote.GitSubscription {
	s := promote.GitSubscription{
		Repository: promote.NormaliseRepository(e.or(raw.Repository, ".")),
		Branch:     e.text(raw.Branch),
		Include:    e.texts(raw.Include),
		Exclude:    e.texts(raw.Exclude),
	}
	if raw.Tags == nil {
		return s
	}
	if raw.Branch.Set() {
		e.add(raw.Branch.At, "a subscription follows a branch or tags, not both")
	}
	s.Tags.Semver = e.text(raw.Tags.Semver)
	if names := e.text(raw.Tags.Regexp); names != "" {
		s.Tags.Names, _ = regexp.Compile(names) // an error is reported by its format
	}
	return s
}

// chartSubscription builds a chart subscription.
func (e *evaluator) chartSubscription(raw rawChart) promote.ChartSubscription {
	s := promote.ChartSubscription{Repository: e.text(raw.Repository), Name: e.text(raw.Name), Constraint: e.text(raw.Constraint)}
	if s.Repository == "" {
		return s
	}
	written := s.Repository
	path, isOCI := strings.CutPrefix(written, "oci://")
	host, _, deep := strings.Cut(strings.TrimSuffix(path, "/"), "/")
	s.Repository = promote.NormaliseChart(written)
	switch {
	case !isOCI && !raw.Name.Set():
		e.add(raw.At, "an https index needs the chart's `name`")
	case isOCI && raw.Name.Set():
		e.add(raw.Name.At, "an oci repository is the chart; it takes no `name`")
	case isOCI && (!deep || !strings.ContainsAny(host, ".:") || isImage(strings.TrimPrefix(s.Repository, "oci://")) != nil):
		e.add(raw.Repository.At, "`repository`: %q is not oci://host/path, the path in lower case", shorten(written))
	case isOCI:
		s.Name = lastPart(s.Repository)
	case s.Name != "" && isChartName(s.Name) != nil:
		e.add(raw.Name.At, "`name`: %s", isChartName(s.Name))
	}
	return s
}

var isChartName = matches(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`, "the name of a chart")

// lastPart is what follows the last / of a path.
func lastPart(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
