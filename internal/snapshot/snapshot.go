// Package snapshot is the file of a what-if: one pipeline, its policy, and all that
// one decision about it may look at, as JSON. It knows how the file is written and
// what makes one that can be decided about; deciding is the domain's.
//
// docs/snapshot.md describes the file. Its fields are those of the domain's types,
// in lower camel case; what is zero is left out, and durations are written as 1h30m.
package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/towpath/towpath/internal/promote"
)

// Version is what this package reads and writes. Fields that are added do not
// change it; fields that mean something else do.
const Version = 1

// Document is the whole file.
type Document struct {
	Version  int              `json:"version"`
	Pipeline promote.Pipeline `json:"pipeline"`
	Policy   promote.Policy   `json:"policy"`
	Snapshot promote.Snapshot `json:"snapshot"`
}

// Write returns the file.
func Write(d Document) ([]byte, error) {
	d.Version = Version
	data, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	value, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(outward(reflect.TypeFor[Document](), value)); err != nil {
		return nil, fmt.Errorf("write snapshot: %w", err)
	}
	return out.Bytes(), nil
}

// Read reads a file. What it does not know is refused by its place in the file, and
// so is a pipeline that no configuration could come to.
func Read(data []byte) (Document, error) {
	var d Document
	value, err := parse(data)
	if err != nil {
		return d, fmt.Errorf("it is not JSON: %w", err)
	}
	if object, ok := value.(map[string]any); ok && fmt.Sprint(object["version"]) != fmt.Sprint(Version) {
		return d, fmt.Errorf("version is %v, and this program reads version %d", object["version"], Version)
	}
	if value, err = inward(reflect.TypeFor[Document](), value, ""); err != nil {
		return d, err
	}
	if data, err = json.Marshal(value); err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		return d, fmt.Errorf("it is no snapshot: %w", err)
	}
	if err := revive(reflect.ValueOf(&d), ""); err != nil {
		return d, err
	}
	d.Snapshot.Facts = promote.Facts{}.Merge(d.Snapshot.Facts) // into the order of their times
	return d, check(d)
}

func parse(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("there is something behind the JSON value")
	}
	return value, nil
}

// check says what no configuration could have come to.
func check(d Document) error {
	if d.Snapshot.Now.IsZero() {
		return errors.New("snapshot.now is missing: at what time is to be decided?")
	}
	var problems []error
	warehouses := map[string]bool{}
	for i, w := range d.Pipeline.Warehouses {
		if w.Name == "" || warehouses[w.Name] {
			problems = append(problems, fmt.Errorf("pipeline.warehouses[%d]: the name %q is empty or there twice", i, w.Name))
		}
		warehouses[w.Name] = true
	}
	stages := map[string]bool{} // with the stages of lanes
	for i, s := range d.Pipeline.Stages {
		at := fmt.Sprintf("pipeline.stages[%d]", i)
		if s.Name == "" || slices.ContainsFunc(d.Pipeline.Stages[:i], func(o promote.Stage) bool { return o.Name == s.Name }) {
			problems = append(problems, fmt.Errorf("%s: the name %q is empty or there twice", at, s.Name))
		}
		for j, r := range s.Requests {
			if err := checkRequest(r, warehouses, stages); err != nil {
				problems = append(problems, fmt.Errorf("%s.requests[%d]: %w", at, j, err))
			}
		}
		stages[promote.StageOf(s.Name)], stages[promote.BareStage(s.Name)] = true, true
	}
	return errors.Join(problems...)
}

func checkRequest(r promote.Request, warehouses, before map[string]bool) error {
	if !warehouses[r.Warehouse] {
		return fmt.Errorf("there is no warehouse %q", r.Warehouse)
	}
	for _, from := range r.From {
		if !before[from] {
			return fmt.Errorf("there is no stage %q before it", from)
		}
	}
	if len(r.From) == 0 {
		return nil
	}
	_, err := r.Availability.Needed(len(r.From))
	return err
}
