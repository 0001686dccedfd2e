package directives

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// TOML sets values in a TOML file and changes only their bytes.
type TOML struct {
	File   string
	Set    []Value // File is empty
	Create bool    // a missing key is added
}

// Kind implements Directive.
func (TOML) Kind() string { return "toml" }

// Target is the file that the directive changes, for errors.
func (t TOML) Target() string { return t.File }

// Apply sets the values in the file, in order (D5).
func (t TOML) Apply(_ context.Context, ws *Workspace, _ *Env) error {
	return ws.set(t.File, t.Set, t.Create, tomlFormat.setValues)
}

var tomlFormat = textFormat{parse: parseTOML, write: writeTOML, holds: holdsTOML, grow: growTOML}

// parseTOML scans before it reads, since the library follows brackets and dots
// without a bound.
func parseTOML(data []byte) (any, *spot, error) {
	spots, odd := scanTOML(data)
	if errors.Is(odd, errTooDeep) {
		return nil, nil, odd
	}
	value := map[string]any{}
	if err := toml.Unmarshal(data, &value); err != nil {
		return nil, nil, tomlError(err)
	}
	return plainTOML(value), spots, odd
}

// tomlError leaves out the library's own words, which may quote a value.
func tomlError(err error) error {
	var failed toml.ParseError
	switch {
	case !errors.As(err, &failed):
		return errors.New("the file is not TOML")
	case strings.Contains(failed.Message, "already"):
		return fmt.Errorf("line %d: the key %s is there twice", failed.Position.Line, shorten(failed.LastKey))
	}
	return fmt.Errorf("line %d is not TOML, at or behind the key %s", failed.Position.Line, shorten(failed.LastKey))
}

// plainTOML makes ordinary lists of the library's lists of tables.
func plainTOML(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = plainTOML(v[name])
		}
	case []any:
		for i := range v {
			v[i] = plainTOML(v[i])
		}
	case []map[string]any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = plainTOML(v[i])
		}
		return items
	}
	return value
}

// writeTOML keeps single quotes where they can hold the text.
func writeTOML(value scalar, old []byte) (string, error) {
	switch {
	case value.tag == "!!null":
		return "", errors.New("TOML has no null")
	case value.tag == "!!float":
		return strings.Replace(value.text, ".inf", "inf", 1), nil
	case value.tag != "!!str":
		return value.text, nil
	case bytes.HasPrefix(old, []byte("'")) && printable(value.text) && !strings.Contains(value.text, "'"):
		return "'" + value.text + "'", nil
	}
	return doubleQuote(value.text), nil
}

func holdsTOML(have any, want scalar) bool {
	switch v := have.(type) {
	case string:
		return want.tag == "!!str" && v == want.text
	case bool:
		return want.tag == "!!bool" && strconv.FormatBool(v) == want.text
	case int64:
		return want.tag == "!!int" && strconv.FormatInt(v, 10) == want.text
	case float64:
		return want.tag == "!!float" && formatFloat(v) == want.text
	}
	return false
}

// room is where a table of TOML takes another key: behind its last one.
type room struct {
	inline bool
	has    bool   // there is a last key, or the table's header
	key    int    // where that begins
	end    int    // and ends
	prefix string // of a table that only dotted keys make: a.b.
	equals string // what stands between the last key and its value
}

// growTOML adds a key to a table where the table stands. A table without a place
// of its own, and one in the root that is missing, gets a header at the end.
func growTOML(p point, names []string, value string) (splice, error) {
	r, top := p.spot.room, len(p.at) == 0
	switch {
	case r.inline && !r.has:
		return splice{p.spot.start + 1, p.spot.start + 1, dotted(names) + " = " + value}, nil
	case r.inline:
		return splice{r.end, r.end, ", " + r.prefix + dotted(names) + r.equals + value}, nil
	case top && len(names) > 1, !top && !r.has:
		return appendTable(p, names, value)
	case !r.has:
		return insertLine(p.data, r.end, dotted(names)+" = "+value), nil
	}
	line := bytes.LastIndexByte(p.data[:r.key], '\n') + 1
	equals := r.equals
	if equals != "=" {
		equals = " = "
	}
	at := len(p.data)
	if i := bytes.IndexByte(p.data[r.end:], '\n'); i >= 0 {
		at = r.end + i + 1
	}
	return insertLine(p.data, at, string(p.data[line:r.key])+r.prefix+dotted(names)+equals+value), nil
}

// appendTable writes a new table at the end of the file.
func appendTable(p point, names []string, value string) (splice, error) {
	var path []string
	for _, name := range p.at {
		if text, ok := name.(string); ok {
			path = append(path, text)
		}
	}
	path = append(path, names[:len(names)-1]...)
	eol := endOfLine(p.data)
	text := "[" + dotted(path) + "]" + eol + dotted(names[len(names)-1:]) + " = " + value
	if len(bytes.TrimSpace(p.data)) > 0 {
		text = eol + text
	}
	return insertLine(p.data, len(p.data), text), nil
}

// insertLine puts a line at the start of another, or at the end of the file,
// which keeps its final line break, or its want of one.
func insertLine(data []byte, at int, line string) splice {
	eol := endOfLine(data)
	if at > 0 && data[at-1] != '\n' {
		return splice{at, at, eol + line}
	}
	return splice{at, at, line + eol}
}

func endOfLine(data []byte) string {
	if i := bytes.IndexByte(data, '\n'); i > 0 && data[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func dotted(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		if out[i] = name; !bareKey.MatchString(name) {
			out[i] = doubleQuote(name)
		}
	}
	return strings.Join(out, ".")
}
