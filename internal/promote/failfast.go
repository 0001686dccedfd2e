package promote

import "slices"

// failedBeside says in which other lanes of a stage freight has failed, where that
// keeps it from the rest of them (S1). Who may go past verification goes past this.
// What a lane holds already is there.
func (d *decision) failedBeside(stage Stage, freight Freight) []Reason {
	if !stage.FailFast {
		return nil
	}
	if past, _ := d.letPast(stage, freight.ID); slices.Contains(past, OverVerification) {
		return nil
	}
	if held, ok := d.snapshot.Facts.Holding(stage.Name); ok && held.Freight[freight.Warehouse] == freight.ID {
		return nil
	}
	var out []Reason
	for _, lane := range d.pipeline.Lanes(BareStage(stage.Name)) {
		if lane.Name == stage.Name {
			continue
		}
		for _, r := range d.inLane(lane, freight).Reasons {
			note := r.Note
			switch r.Kind {
			case GateTimedOut:
				note = "no result within " + r.Note
			case GateFailed:
			default:
				continue
			}
			out = append(out, Reason{Kind: LaneFailed, Stage: lane.Name, Freight: freight.Alias, Gate: r.Gate, Note: note})
			break
		}
	}
	return out
}

// inLane is what one lane of a stage says of freight.
func (d *decision) inLane(lane Stage, freight Freight) Standing {
	key := asked{"lane " + lane.Name, freight.Warehouse, freight.ID}
	standing, known := d.memo.standings[key]
	if !known {
		standing = d.snapshot.StandingOf(lane, freight.Warehouse, freight.ID)
		d.memo.standings[key] = standing
	}
	return standing
}
