package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/towpath/towpath/internal/engine"
	"github.com/towpath/towpath/internal/settings"
	"github.com/towpath/towpath/internal/webhook"
)

// systems are the outside systems that may say how gates went.
func systems(v *settings.Values) []webhook.System {
	var out []webhook.System
	for _, e := range v.Externals() {
		out = append(out, webhook.System{Name: e.Name, Secrets: e.Secrets, Speaks: e.Speaks})
	}
	return out
}

// outside keeps what they said in the inbox, until the ledger has it.
type outside bot

func (o *outside) Calls(ctx context.Context, repository string) ([]engine.Call, error) {
	kept, err := o.inbox.Calls(ctx, repository)
	if err != nil {
		return nil, err
	}
	out := make([]engine.Call, len(kept))
	for i, k := range kept {
		var call webhook.Call
		if err := json.Unmarshal(k.Body, &call); err != nil {
			return nil, fmt.Errorf("call %s: %w", k.ID, err)
		}
		out[i] = asked(k.ID, call)
	}
	return out, nil
}

func (o *outside) Done(ctx context.Context, ids []string) error { return o.inbox.Done(ctx, ids) }

// expects says why nobody waits for a call.
func (o *outside) expects(c webhook.Call) error { return o.engine.Expects(c.Repository, asked("", c)) }

func asked(id string, c webhook.Call) engine.Call {
	return engine.Call{
		ID: id, System: c.System, Pipeline: c.Pipeline, Stage: c.Stage, Gate: c.Gate, Commit: c.Commit, Freight: c.Freight,
		State: c.State, At: c.At, URL: c.URL, Note: c.Note,
	}
}

// kept is a call as the inbox keeps it; empty where a delivery is none.
func kept(c webhook.Call) ([]byte, error) {
	if c == (webhook.Call{}) {
		return nil, nil
	}
	return json.Marshal(c)
}
