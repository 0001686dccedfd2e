package report

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/towpath/towpath/internal/promote"
)

// trailers are the last paragraph of a message. Ids are written as they are;
// what people said is broken where it would mention somebody. Whatever they say is
// read by [ReadTrailers].
func (v View) trailers(p promote.Proposal, freight []promote.Freight) string {
	var b strings.Builder
	trailer := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	trailer("Towpath-Pipeline", visible(v.Pipeline.ID()))
	trailer("Towpath-Stage", visible(p.Stage))
	for _, f := range freight {
		trailer("Towpath-Freight", visible(f.Warehouse+"="+f.ID+origin(f)))
	}
	for _, f := range freight {
		for _, artifact := range artifactTrailers(f) {
			trailer("Towpath-Artifact", visible(f.Warehouse+" "+artifact))
		}
	}
	for _, s := range p.Sources {
		source := s.Repository + "@" + s.Commit
		if s.Ref != "" {
			source += " (" + s.Ref + ")"
		}
		trailer("Towpath-Source", visible(source))
	}
	trailer("Towpath-Config", p.Config)
	trailer("Towpath-Rule", line(p.Rule))
	if p.Back != nil {
		trailer("Towpath-Rollback", fmt.Sprintf("comment %d", p.Back.Comment))
		trailer("Towpath-Restores", p.Back.Commit)
	}
	trailer("Promoted-By", line(p.By))
	return b.String()
}

// origin tells of freight that does not move by itself.
func origin(f promote.Freight) string {
	switch {
	case f.Channel != "":
		return " (channel " + f.Channel + ")"
	case f.Manual:
		return " (made by " + f.By + ")"
	}
	return ""
}

// artifactTrailers names the artifacts of freight, all that its id is made of.
func artifactTrailers(f promote.Freight) []string {
	var out []string
	for _, i := range f.Images {
		text := "image " + i.Repository
		if i.Tag != "" {
			text += ":" + i.Tag
		}
		text += "@" + i.Digest
		if i.ByTag {
			text += " by-tag"
		}
		out = append(out, text)
	}
	for _, c := range f.Charts {
		out = append(out, fmt.Sprintf("chart %s %s %s@%s", c.Repository, c.KnownAs(), c.Version, c.Digest))
	}
	for _, c := range f.Commits {
		out = append(out, strings.TrimSuffix(fmt.Sprintf("commit %s@%s %s", c.Repository, c.ID, c.Tag), " "))
	}
	return out
}

// Trailers is what a promotion's commit tells: enough to make the ledger again.
type Trailers struct {
	Pipeline string // owner/name#pipeline
	Stage    string
	Slots    map[string]string // warehouse → freight id
	Freight  []promote.Freight // that of which all artifacts are told: its id follows from them
	Sources  []promote.SourceCommit
	Config   string
	By       string // who asked, or "towpath"
	Rollback bool
}

var (
	trailerLine  = regexp.MustCompile(`(?m)^(?:Towpath-|Promoted-)([A-Za-z]+): (.+?)\r?$`)
	freightValue = regexp.MustCompile(`^([^= ]+)=([0-9a-f]{40})(?: \((made by|channel) (.+)\))?$`)
	commitID     = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sourceValue  = regexp.MustCompile(`^([^@ ]+)@([0-9a-f]{40})(?: \((.+)\))?$`)
)

// ReadTrailers reads the message of a promotion's commit, or of its merge; false
// when it is none, or says two things. Anybody can write such a message: it is to
// be believed only where it stands on something that people have merged.
func ReadTrailers(message string) (Trailers, bool) {
	out := Trailers{Slots: map[string]string{}}
	made := map[string]*promote.Freight{}
	for _, m := range trailerLine.FindAllStringSubmatch(message, -1) {
		switch key, value := m[1], m[2]; key {
		case "Pipeline", "Stage":
			to := map[string]*string{"Pipeline": &out.Pipeline, "Stage": &out.Stage}[key]
			if *to != "" {
				return Trailers{}, false
			}
			*to = value
		case "Freight":
			freight := readFreight(value)
			if freight == nil || out.Slots[freight.Warehouse] != "" {
				return Trailers{}, false
			}
			out.Slots[freight.Warehouse], made[freight.Warehouse] = freight.ID, freight
		case "Artifact":
			if warehouse, artifact, ok := strings.Cut(value, " "); ok && made[warehouse] != nil {
				addArtifact(made[warehouse], strings.Fields(artifact))
			}
		case "Source":
			if s := sourceValue.FindStringSubmatch(value); s != nil {
				out.Sources = append(out.Sources, promote.SourceCommit{Repository: s[1], Commit: s[2], Ref: s[3]})
			}
		case "Config":
			if commitID.MatchString(value) {
				out.Config = value
			}
		case "By":
			out.By = value
		case "Rollback":
			out.Rollback = true
		}
	}
	for _, warehouse := range slices.Sorted(maps.Keys(made)) {
		if freight := made[warehouse]; freight.Identify() == freight.ID {
			out.Freight = append(out.Freight, *freight)
		}
	}
	return out, out.Pipeline != "" && out.Stage != "" && len(out.Slots) > 0
}

func readFreight(value string) *promote.Freight {
	m := freightValue.FindStringSubmatch(value)
	if m == nil {
		return nil
	}
	out := &promote.Freight{Warehouse: m[1], ID: m[2]}
	switch m[3] {
	case "channel":
		out.Channel = m[4]
	case "made by":
		out.Manual, out.By = true, m[4]
	}
	return out
}

// addArtifact adds what was read of one. Where it was misread, the id of the
// freight does not follow.
func addArtifact(f *promote.Freight, words []string) {
	if len(words) < 2 || len(words) > 4 {
		return
	}
	last := words[len(words)-1]
	switch {
	case words[0] == "image" && len(words) < 4:
		name, digest, _ := strings.Cut(words[1], "@")
		image := promote.Image{Repository: name, Digest: digest, ByTag: last == "by-tag"}
		if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
			image.Repository, image.Tag = name[:colon], name[colon+1:]
		}
		f.Images = append(f.Images, image)
	case words[0] == "chart" && len(words) == 4:
		version, digest, _ := strings.Cut(last, "@")
		f.Charts = append(f.Charts, promote.Chart{Repository: words[1], Name: words[2], Version: version, Digest: digest})
	case words[0] == "commit" && len(words) < 4:
		repository, id, _ := strings.Cut(words[1], "@")
		commit := promote.Commit{Repository: repository, ID: id}
		if len(words) == 3 {
			commit.Tag = last
		}
		f.Commits = append(f.Commits, commit)
	}
}
