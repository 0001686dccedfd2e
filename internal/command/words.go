package command

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// word is one argument, without its quotes.
type word struct {
	text   string
	quoted bool // it starts with a quote, and so is no flag
}

// split cuts arguments at spaces and tabs, except within quotes. As in a shell,
// 'single' quotes keep everything, in "double" quotes a backslash keeps the
// quote or backslash that follows, and quoted parts may touch others. Nothing
// else means anything.
func split(args string) ([]word, error) {
	var words []word
	for rest := trimBlank(args); rest != ""; rest = trimBlank(rest) {
		w, after, err := nextWord(rest)
		if err != nil {
			return nil, err
		}
		words = append(words, w)
		rest = after
	}
	return words, nil
}

func trimBlank(s string) string { return strings.TrimLeft(s, " \t") }

// nextWord returns the word that s starts with and what follows it.
func nextWord(s string) (w word, rest string, err error) {
	var text strings.Builder
	var quote byte // the one that is open, or 0
	quoted := s[0] == '\'' || s[0] == '"'
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote == 0 && (c == ' ' || c == '\t'):
			return word{text.String(), quoted}, s[i:], nil
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			text.WriteByte(s[i])
		default:
			text.WriteByte(c)
		}
	}
	if quote != 0 {
		return word{}, "", fmt.Errorf("the quote %s is not closed; words with an apostrophe go in double quotes", code(string(quote)))
	}
	return word{text.String(), quoted}, "", nil
}

// flagWord matches a word that is meant as a flag, also where a keyboard has
// made one long dash of the two.
var flagWord = regexp.MustCompile(`^(--?|[–—])\pL`)

// takeFlags takes the flags out of the words. Every flag has a value, written
// `--flag value` or `--flag=value`. A reason is all the words that follow.
func takeFlags(words []word, known []string) (rest []word, flags map[string]string, err error) {
	flags = map[string]string{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.quoted || !flagWord.MatchString(w.text) {
			rest = append(rest, w)
			continue
		}
		flag, value, ok := strings.Cut(w.text, "=")
		name, dashed := strings.CutPrefix(flag, "--")
		if !dashed || !slices.Contains(known, name) {
			return nil, nil, fmt.Errorf("unknown flag %s", code(flag))
		}
		if _, twice := flags[name]; twice {
			return nil, nil, fmt.Errorf("%s is given twice", code(flag))
		}
		if !ok {
			if i++; i == len(words) {
				return nil, nil, fmt.Errorf("%s needs a value", code(flag))
			}
			value = words[i].text
			for name == "reason" && i+1 < len(words) && (words[i+1].quoted || !flagWord.MatchString(words[i+1].text)) {
				i++
				value += " " + words[i].text
			}
		}
		flags[name] = value
	}
	return rest, flags, nil
}
