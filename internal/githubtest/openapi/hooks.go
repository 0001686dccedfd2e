package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// hookSchemas compiles the schema of an event when it is first asked for.
type hookSchemas struct {
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	names    map[string]bool
	compiled map[string]*jsonschema.Schema
}

const hooksURL = "mem:///webhooks.json"

// loadHooks reads the schemas once for all tests of a process.
var loadHooks = sync.OnceValues(func() (*hookSchemas, error) {
	text, err := readCut("webhooks.cut.json.gz")
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range doc.(map[string]any)["definitions"].(map[string]any) {
		names[name] = true
	}
	compiler := jsonschema.NewCompiler()
	compiler.RegisterFormat(&jsonschema.Format{Name: "uri-template", Validate: func(any) error { return nil }})
	compiler.AssertFormat()
	if err := compiler.AddResource(hooksURL, doc); err != nil {
		return nil, err
	}
	return &hookSchemas{compiler: compiler, names: names, compiled: map[string]*jsonschema.Schema{}}, nil
})

func (h *hookSchemas) of(event, action string) (*jsonschema.Schema, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := event + "$" + action
	if !h.names[name] {
		name = event + "$event" // has no actions, or any
	}
	if !h.names[name] {
		return nil, fmt.Errorf("no schema for event %s, action %q", event, action)
	}
	if schema := h.compiled[name]; schema != nil {
		return schema, nil
	}
	schema, err := h.compiler.Compile(hooksURL + "#/definitions/" + name)
	h.compiled[name] = schema
	return schema, err
}

// Webhook judges the body of one event.
func (j *Judge) Webhook(event string, body []byte) {
	j.t.Helper()
	var head struct {
		Action string `json:"action"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		j.t.Errorf("webhook %s: %v", event, err)
		return
	}
	schema, err := j.hooks.of(event, head.Action)
	if err != nil {
		j.t.Errorf("webhook %s: %v", event, err)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		j.t.Errorf("webhook %s: %v", event, err)
		return
	}
	if err := schema.Validate(value); err != nil {
		j.t.Errorf("webhook %s %s: %v\n%s", event, head.Action, err, body[:min(len(body), 1500)])
	}
}
