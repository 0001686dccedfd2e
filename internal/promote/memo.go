package promote

// memo keeps what decisions about the stages of one pipeline ask again and again:
// with many lanes, of every one of them for every freight.
type memo struct {
	stamps    map[string][]string
	standings map[asked]Standing
}

// asked is what a standing is of: a name that means lanes, and a freight.
type asked struct{ name, warehouse, freight string }

func newMemo() *memo { return &memo{stamps: map[string][]string{}, standings: map[asked]Standing{}} }

// stamps are those of the upstreams of a request that have any.
func (d *decision) stamps(request Request) map[string][]string {
	out := map[string][]string{}
	for _, from := range request.From {
		stamps, known := d.memo.stamps[from]
		if !known {
			stamps = d.pipeline.Stamps(from)
			d.memo.stamps[from] = stamps
		}
		if len(stamps) > 0 {
			out[from] = stamps
		}
	}
	return out
}

// standings is what each upstream of a request says of freight, and what each of
// its stamps says.
func (d *decision) standings(request Request, freight Freight) map[string]Standing {
	out := map[string]Standing{}
	stamps := d.stamps(request)
	for _, from := range request.From {
		for _, name := range append([]string{from}, stamps[from]...) {
			if standing, ok := d.standing(name, request.Warehouse, freight); ok {
				out[name] = standing
			}
		}
	}
	return out
}

// standing is what the lanes that a name means say of freight, together; there is
// none where it means no lane.
func (d *decision) standing(name, warehouse string, freight Freight) (Standing, bool) {
	key := asked{name, warehouse, freight.ID}
	if known, ok := d.memo.standings[key]; ok {
		return known, true
	}
	lanes := d.pipeline.Lanes(name)
	if len(lanes) == 0 {
		return Standing{}, false
	}
	out := d.snapshot.across(lanes, func(lane Stage) Standing { return d.standingOf(lane, warehouse, freight) })
	d.memo.standings[key] = out
	return out, true
}
