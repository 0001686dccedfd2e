package directives

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// plainSafe is what every reader of YAML 1.1 and 1.2 takes for a string without
// quotes, in block and in flow context: it starts with a letter and has nothing
// that means anything. Words that mean something are not-strings.
var plainSafe = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./@+=-]*([: ][A-Za-z0-9_./@+=-]+)*$`)

// version is text that some readers of YAML 1.1 take for a float. Where a file has
// one without quotes, its readers do not, and another needs none either.
var version = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// notStrings are the words that some reader takes for a boolean or for null.
var notStrings = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true,
	"true": true, "false": true, "null": true, "nan": true, "inf": true,
}

// scalar is a value on its way into a file.
type scalar struct {
	tag  string // !!str, !!int, !!float, !!bool, !!null
	text string // the value of the YAML node
}

func newScalar(value any) (scalar, error) {
	switch v := value.(type) {
	case nil:
		return scalar{"!!null", "null"}, nil
	case bool:
		return scalar{"!!bool", strconv.FormatBool(v)}, nil
	case int:
		return scalar{"!!int", strconv.Itoa(v)}, nil
	case float64:
		return scalar{"!!float", formatFloat(v)}, nil
	case string:
		if !utf8.ValidString(v) {
			return scalar{}, fmt.Errorf("the value %q is not valid UTF-8", v)
		}
		return scalar{"!!str", v}, nil
	}
	return scalar{}, fmt.Errorf("a value of type %T can not be set: string, number, boolean or null", value)
}

// formatFloat writes a float that no reader takes for an integer or a string.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if mantissa, exponent, found := strings.Cut(text, "e"); found && !strings.Contains(mantissa, ".") {
		return mantissa + ".0e" + exponent
	} else if !found && !strings.Contains(text, ".") {
		return text + ".0"
	}
	return text
}

// format returns the bytes for a file. A string keeps the quotes that were
// there; without any, it gets them where it needs them.
func (s scalar) format(style yaml.Style) string {
	switch {
	case s.tag != "!!str":
		return s.text
	case style&yaml.SingleQuotedStyle != 0 && printable(s.text):
		return "'" + strings.ReplaceAll(s.text, "'", "''") + "'"
	case style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 && plainSafe.MatchString(s.text) && !notStrings[strings.ToLower(s.text)]:
		return s.text
	}
	return doubleQuote(s.text)
}

// printable reports whether a text stands on one line as it is.
func printable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

func doubleQuote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&out, `\u%04X`, r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
