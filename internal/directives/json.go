package directives

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// JSON sets values in a JSON file and changes only their bytes.
type JSON struct {
	File   string
	Set    []Value // File is empty
	Create bool    // a missing key is added
}

// Kind implements Directive.
func (JSON) Kind() string { return "json" }

// Target is the file that the directive changes, for errors.
func (j JSON) Target() string { return j.File }

// Apply sets the values in the file, in order (D5).
func (j JSON) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	return ws.set(j.File, j.Set, j.Create, jsonFormat.setValues)
}

var jsonFormat = textFormat{parse: parseJSON, write: writeJSON, holds: holdsJSON, grow: growJSON}

// parseJSON is strict: one value, no comments, no key twice.
func parseJSON(data []byte) (any, *spot, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	if err == nil {
		if _, err = decoder.Token(); err == nil {
			err = fmt.Errorf("line %d: there is more than one value", lineOf(data, int(decoder.InputOffset())))
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		err = fmt.Errorf("line %d is not JSON: %s", lineOf(data, int(syntax.Offset)), syntax)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the file is not JSON: it ends too early")
	}
	if err != nil {
		return nil, nil, err
	}
	s := jsonScanner{data: data}
	spots, err := s.value()
	return value, spots, err
}

// jsonScanner finds where the values of a valid file stand.
type jsonScanner struct {
	data []byte
	at   int
}

func (s *jsonScanner) value() (*spot, error) {
	s.blank()
	found := &spot{start: s.at}
	var err error
	switch s.data[s.at] {
	case '{':
		found.fields = map[string]*spot{}
		err = s.object(found.fields)
	case '[':
		for s.at++; s.next() != ']'; {
			var item *spot
			if item, err = s.value(); err != nil {
				return nil, err
			}
			found.items = append(found.items, item)
		}
		s.at++
	case '"':
		s.text()
	default:
		for s.at < len(s.data) && strings.IndexByte(",]} \t\r\n", s.data[s.at]) < 0 {
			s.at++
		}
	}
	found.end = s.at
	return found, err
}

func (s *jsonScanner) object(fields map[string]*spot) error {
	for s.at++; s.next() != '}'; {
		key := s.at
		s.text()
		var name string
		if err := json.Unmarshal(s.data[key:s.at], &name); err != nil {
			return err
		}
		if fields[name] != nil {
			return fmt.Errorf("line %d: the key %s is there twice, first on line %d", lineOf(s.data, key), shorten(name), lineOf(s.data, fields[name].key))
		}
		s.blank()
		s.at++ // the colon
		value, err := s.value()
		if err != nil {
			return err
		}
		value.key = key
		fields[name] = value
	}
	s.at++
	return nil
}

// next goes to the next member and returns its first byte, or the end's.
func (s *jsonScanner) next() byte {
	s.blank()
	if s.data[s.at] == ',' {
		s.at++
		s.blank()
	}
	return s.data[s.at]
}

func (s *jsonScanner) text() {
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
}

func (s *jsonScanner) blank() {
	for s.at < len(s.data) && strings.IndexByte(" \t\r\n", s.data[s.at]) >= 0 {
		s.at++
	}
}

func writeJSON(value scalar, _ []byte) (string, error) {
	switch {
	case value.tag == "!!str":
		return quoteJSON(value.text), nil
	case strings.HasSuffix(value.text, "inf"), strings.HasSuffix(value.text, "nan"):
		return "", fmt.Errorf("JSON has no number %s", value.text)
	}
	return value.text, nil
}

// quoteJSON writes a string without the escapes that only HTML needs.
func quoteJSON(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // of a string there is none
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func holdsJSON(have any, want scalar) bool {
	switch v := have.(type) {
	case nil:
		return want.tag == "!!null"
	case string:
		return want.tag == "!!str" && v == want.text
	case bool:
		return want.tag == "!!bool" && fmt.Sprint(v) == want.text
	case json.Number:
		return holdsNumber(v.String(), want)
	}
	return false
}

// growJSON adds a member behind the last one, with the white space that the last
// one has around it.
func growJSON(p point, names []string, value string) (splice, error) {
	var last *spot
	for _, field := range p.spot.fields {
		if last == nil || field.key > last.key {
			last = field
		}
	}
	if last == nil {
		text := nestJSON(names, ": ", value)
		if p.value == nil {
			return splice{p.spot.start, p.spot.end, "{" + text + "}"}, nil
		}
		return splice{p.spot.start + 1, p.spot.start + 1, text}, nil
	}
	lead := p.data[len(bytes.TrimRight(p.data[:last.key], " \t\r\n")):last.key]
	s := jsonScanner{data: p.data, at: last.key}
	s.text()
	colon := string(p.data[s.at:last.start])
	if len(lead) == 0 && len(p.spot.fields) == 1 && strings.HasSuffix(colon, " ") {
		lead = []byte(" ")
	}
	return splice{last.end, last.end, "," + string(lead) + nestJSON(names, colon, value)}, nil
}

func nestJSON(names []string, colon, value string) string {
	for i := len(names) - 1; i >= 0; i-- {
		if value = quoteJSON(names[i]) + colon + value; i > 0 {
			value = "{" + value + "}"
		}
	}
	return value
}
