package promote

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Channel is a kind of pre-release that an image subscription knows by its tags.
// It makes freight only for a stage that is taken over (F7).
type Channel struct {
	Name       string
	Tag        *regexp.Regexp // its one group is the number of a pull request; without a group it has none
	Repository string         // whose pull requests are meant; "." or owner/name
}

// Numbered tells whether the channel is one per pull request.
func (c Channel) Numbered() bool { return c.Tag.NumSubexp() > 0 }

// Has tells whether a tag is of the channel, and of which pull request; 0 where
// the channel has none.
func (c Channel) Has(tag string) (number int, ok bool) {
	found := c.Tag.FindStringSubmatch(tag)
	if found == nil || len(found) == 1 {
		return 0, found != nil
	}
	number, err := strconv.Atoi(found[1])
	return number, err == nil && number > 0
}

// Channel returns the channel of that name.
func (s ImageSubscription) Channel(name string) (Channel, bool) {
	i := slices.IndexFunc(s.Channels, func(c Channel) bool { return c.Name == name })
	if i < 0 {
		return Channel{}, false
	}
	return s.Channels[i], true
}

// Within narrows the subscription to the tags of a takeover's channel and pull
// request, the newest build of them, whatever else it asks of tags. What it finds
// is known by its tag, so that no ordinary freight is ever the same.
func (s ImageSubscription) Within(t Takeover) (ImageSubscription, bool) {
	c, ok := s.Channel(t.Channel)
	return ImageSubscription{
		Repository: s.Repository, Select: SelectNewestBuild, Platform: s.Platform, ByTag: true, Only: c, Number: t.Number,
	}, ok
}

// HasChannel tells whether something that a stage takes has a channel of that name.
func (p Pipeline) HasChannel(stage Stage, name string) bool {
	return slices.ContainsFunc(stage.Requests, func(r Request) bool { return p.warehouse(r.Warehouse).HasChannel(name) })
}

// HasChannel tells whether an image of the warehouse has a channel of that name.
func (w Warehouse) HasChannel(name string) bool {
	return slices.ContainsFunc(w.Images, func(s ImageSubscription) bool {
		_, ok := s.Channel(name)
		return ok
	})
}

// Takeover gives a stage to the pre-releases of one channel, of one pull request
// where the channel is numbered: their newest freight goes there and nowhere else,
// and other freight skips the stage (T1). A later entry with Released ends it.
type Takeover struct {
	Stage      string    `json:"stage"`
	Channel    string    `json:"channel"`
	Number     int       `json:"number,omitempty"`     // of the pull request
	Repository string    `json:"repository,omitempty"` // whose pull request it is; "." or owner/name
	By         string    `json:"by"`
	Until      time.Time `json:"until,omitzero"`
	Released   bool      `json:"released,omitempty"`
	Comment    int64     `json:"comment,omitempty"` // the comment that asked for it; 0: the pull request was closed
	At         time.Time `json:"at"`
}

// Word is the channel with the number, as people write it: pr-123.
func (t Takeover) Word() string {
	if t.Number == 0 {
		return t.Channel
	}
	return fmt.Sprintf("%s-%d", t.Channel, t.Number)
}

func (t Takeover) reason() Reason {
	return Reason{Kind: TakenOver, Stage: t.Stage, By: t.By, Note: t.Word(), Until: t.Until}
}

// TakeoverOf returns the takeover of a stage, while there is one.
func (f Facts) TakeoverOf(stage string, now time.Time) (Takeover, bool) {
	for _, t := range slices.Backward(f.Takeovers) {
		if t.Stage == stage {
			return t, !t.Released && (t.Until.IsZero() || now.Before(t.Until))
		}
	}
	return Takeover{}, false
}

// numbered splits pr-123; numbers are written as GitHub writes them.
var numbered = regexp.MustCompile(`^(.+)-([1-9][0-9]{0,8})$`)

// Take reads what somebody wants to take a stage over for: a channel of one of the
// warehouses that the stage requests, with the number of a pull request where the
// channel has those. An error says what there is.
func (p Pipeline) Take(stage Stage, word string) (Channel, int, error) {
	channels := map[string]Channel{}
	for _, r := range stage.Requests {
		for _, s := range p.warehouse(r.Warehouse).Images {
			for _, c := range s.Channels {
				channels[c.Name] = c
			}
		}
	}
	if c, ok := channels[word]; ok && !c.Numbered() {
		return c, 0, nil
	}
	if parts := numbered.FindStringSubmatch(word); parts != nil {
		if c, ok := channels[parts[1]]; ok && c.Numbered() {
			number, err := strconv.Atoi(parts[2])
			return c, number, err
		}
	}
	var known []string
	for _, name := range slices.Sorted(maps.Keys(channels)) {
		if channels[name].Numbered() {
			name += "-<number>"
		}
		known = append(known, "`"+name+"`")
	}
	if len(known) == 0 {
		return Channel{}, 0, fmt.Errorf("no warehouse that `%s` takes from has a channel", stage.Name)
	}
	return Channel{}, 0, fmt.Errorf("%q is no channel of a warehouse that `%s` takes from; there are %s", word, stage.Name, strings.Join(known, ", "))
}

// takenSlot is a slot of a stage that is taken over: it follows the channel where
// its warehouse has that, and else keeps what it holds. An empty one is filled as
// ever, since the stage could hold nothing without it.
func (d *decision) takenSlot(request Request) (slot, bool) {
	out := slot{request: request, held: d.held[request.Warehouse], until: d.taken.Until}
	if !d.pipeline.warehouse(request.Warehouse).HasChannel(d.taken.Channel) {
		return out, out.held != ""
	}
	for _, freight := range slices.Backward(d.snapshot.Facts.Freight) {
		if freight.Warehouse != request.Warehouse || freight.Channel != d.taken.Word() {
			continue
		}
		answer := d.available(request, freight)
		if reasons := d.unfit(freight); len(reasons) > 0 {
			answer = Availability{Reasons: reasons}
		}
		out.newest, out.missing, out.until = &freight, answer.Reasons, earliest(out.until, answer.Until)
		if answer.OK {
			out.candidate = &freight
		}
		return out, true
	}
	out.missing = []Reason{{Kind: NoPreRelease, Stage: d.stage.Name, Warehouse: request.Warehouse, Note: d.taken.Word()}}
	return out, true
}

// misplaced says why freight can not go into this stage whatever the upstreams
// say: pre-releases go to the stage that is taken over for them, and nothing else
// of their warehouse does.
func (d *decision) misplaced(freight Freight) []Reason {
	switch {
	case d.taken != nil && freight.Channel == d.taken.Word():
		return nil
	case freight.Channel != "":
		return []Reason{{Kind: PreRelease, Stage: d.stage.Name, Freight: freight.Alias, Note: freight.Channel}}
	case d.taken != nil && d.pipeline.warehouse(freight.Warehouse).HasChannel(d.taken.Channel):
		return []Reason{d.taken.reason()}
	}
	return nil
}

// outOfPlace says why some freight of what a stage held can not go there now.
func (d *decision) outOfPlace(slots map[string]string) []Reason {
	var out []Reason
	for _, request := range d.stage.Requests {
		if freight, ok := d.snapshot.Facts.FreightByID(slots[request.Warehouse]); ok {
			out = append(out, d.misplaced(freight)...)
		}
	}
	return out
}

// rank orders freight of one slot before its times do: what a takeover is for,
// then what moves by itself, then the rest.
func (d *decision) rank(f Freight) int {
	switch {
	case d.taken != nil && f.Channel == d.taken.Word():
		return 2
	case d.ordinary(f):
		return 1
	}
	return 0
}

func (d *decision) ordinary(f Freight) bool { return d.pipeline.warehouse(f.Warehouse).Ordinary(f) }

// follows tells whether a takeover asks for want: the newest of its channel, or,
// after its end, ordinary freight in the place of what it left. Nobody has to
// promote that.
func (d *decision) follows(want, have map[string]string) bool {
	return d.differ(want, have, func(a, b Freight) bool { return d.rank(a) == 2 || b.Channel != "" && d.rank(a) > d.rank(b) })
}

// displaces tells whether want takes the place of an open promotion whatever its
// review or the queue says: freight of a takeover that of others, and after its end
// the other way round.
func (d *decision) displaces(want, open map[string]string) bool {
	return d.differ(want, open, func(a, b Freight) bool { return d.rank(a) > d.rank(b) && (a.Channel != "" || b.Channel != "") })
}

func (d *decision) differ(want, have map[string]string, how func(a, b Freight) bool) bool {
	for warehouse, id := range want {
		a, _ := d.snapshot.Facts.FreightByID(id)
		b, _ := d.snapshot.Facts.FreightByID(have[warehouse])
		if id != have[warehouse] && how(a, b) {
			return true
		}
	}
	return false
}
