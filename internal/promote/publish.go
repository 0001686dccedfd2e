package promote

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Publish is what is given away of freight that was verified in a stage (G7).
type Publish struct {
	Refs  bool   // see [VerifiedRef]
	Image string // the repository that the freight's image is copied to, normalised; empty: none
}

// Publication says that freight was published once, or could not be.
type Publication struct {
	Stage     string    `json:"stage"`
	Warehouse string    `json:"warehouse"`
	Freight   string    `json:"freight"`        // id
	To        string    `json:"to"`             // a ref, or the repository of the copy
	Commit    string    `json:"commit"`         // of the arrival that proved it; what the ref points at where the stage has files
	Arrived   time.Time `json:"arrived"`        // that arrival's
	Tags      []string  `json:"tags,omitempty"` // of the copy
	Failed    string    `json:"failed,omitempty"`
	At        time.Time `json:"at"`
}

// IsRef tells whether it is a ref, and no copy of an image.
func (p Publication) IsRef() bool { return strings.HasPrefix(p.To, VerifiedRefs) }

// same tells whether two are about the same freight and place.
func (p Publication) same(other Publication) bool {
	return p.Stage == other.Stage && p.Freight == other.Freight && p.To == other.To
}

// VerifiedRefs is what refs of verified freight begin with.
const VerifiedRefs = "refs/tags/verified/"

// VerifiedRef is where freight that was verified in a stage is to be seen.
func VerifiedRef(pipeline, stage, freight string) string {
	return VerifiedRefs + pipeline + "/" + stage + "/" + freight
}

var verifiedTag = regexp.MustCompile(`^verified/[^/]+/[^/]+/[0-9a-f]+$`)

// IsVerifiedTag tells our own tags from those that freight is made of: who follows
// all tags must not follow these round and round.
func IsVerifiedTag(tag string) bool { return verifiedTag.MatchString(tag) }

const maxPublished = 20 // arrivals of a stage that are still published when they come to be verified

// publishAgain are the pauses after a failure; the last one stays.
var publishAgain = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour}

// Unpublished lists what is verified and not published yet, the oldest arrival
// first, and tells when something that failed is due again. What was published
// once stays, whatever becomes of the freight later.
func (p Pipeline) Unpublished(s Snapshot) (due []Publication, next time.Time) {
	for _, stage := range p.Stages {
		for _, wanted := range p.publications(s, stage) {
			again := s.Facts.publishAgain(wanted)
			switch {
			case !s.Now.Before(again):
				due = append(due, wanted)
			default:
				next = earliest(next, again)
			}
		}
	}
	return due, next
}

// unpublished are the reasons that a stage shows while something could not be
// published.
func (p Pipeline) unpublished(s Snapshot, stage Stage) []Reason {
	var out []Reason
	for _, wanted := range p.publications(s, stage) {
		if tried := s.Facts.tried(wanted); len(tried) > 0 {
			last := tried[len(tried)-1]
			out = append(out, Reason{Kind: PublishFailed, Stage: stage.Name, Warehouse: last.Warehouse, Freight: last.Freight, By: last.To, Note: last.Failed})
		}
	}
	return out
}

// publications are those that a stage should have made and has not. All lanes of a
// stage must have verified the freight; the first one publishes.
func (p Pipeline) publications(s Snapshot, stage Stage) []Publication {
	if stage.Publish == nil || stage.Name != StageOf(stage.Name) {
		return nil
	}
	arrivals := slices.DeleteFunc(s.Facts.ArrivalsIn(stage.Name), func(a Arrival) bool { return a.Manner == ByDrift })
	var out []Publication
	for _, a := range arrivals[max(0, len(arrivals)-maxPublished):] {
		for _, request := range stage.Requests {
			wanted := Publication{Stage: stage.Name, Warehouse: request.Warehouse, Freight: a.Freight[request.Warehouse]}
			for _, to := range p.publishTo(s, stage, wanted.Freight) {
				wanted.To = to
				if s.Facts.published(wanted) || slices.ContainsFunc(out, wanted.same) {
					continue
				}
				if standing := s.StandingAcross(p.Lanes(stage.Name), wanted.Warehouse, wanted.Freight); standing.Verified {
					wanted.Commit, wanted.Arrived = standing.Arrival.Commit, standing.Arrival.At
					out = append(out, wanted)
				}
			}
		}
	}
	return out
}

// publishTo are the places where freight is published. A copy is made of what has
// an image. What a takeover brought proves nothing, also when it is over (A7).
func (p Pipeline) publishTo(s Snapshot, stage Stage, freight string) []string {
	f, ok := s.Facts.FreightByID(freight)
	if !ok || f.Channel != "" {
		return nil
	}
	var out []string
	if stage.Publish.Refs {
		out = append(out, VerifiedRef(p.Name, stage.Name, freight))
	}
	if stage.Publish.Image != "" && len(f.Images) > 0 {
		out = append(out, stage.Publish.Image)
	}
	return out
}

func (f Facts) published(wanted Publication) bool {
	return slices.ContainsFunc(f.Published, func(p Publication) bool { return p.same(wanted) && p.Failed == "" })
}

// tried are the failures of a publication.
func (f Facts) tried(wanted Publication) []Publication {
	var out []Publication
	for _, p := range f.Published {
		if p.same(wanted) && p.Failed != "" {
			out = append(out, p)
		}
	}
	return out
}

// publishAgain is when a publication may be tried; the zero time: at once.
func (f Facts) publishAgain(wanted Publication) time.Time {
	tried := f.tried(wanted)
	if len(tried) == 0 {
		return time.Time{}
	}
	return tried[len(tried)-1].At.Add(publishAgain[min(len(tried), len(publishAgain))-1])
}

// FreeTags leaves out the tags that freight which came later has been given: a tag
// that moves along stays with the newest.
func (f Facts) FreeTags(wanted Publication, tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return slices.ContainsFunc(f.Published, func(p Publication) bool {
			return p.To == wanted.To && p.Stage == wanted.Stage && p.Failed == "" && p.Arrived.After(wanted.Arrived) && slices.Contains(p.Tags, tag)
		})
	})
}
