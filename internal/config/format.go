package config

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/bmatcuk/doublestar/v4"
	"github.com/towpath/towpath/internal/directives"
	"github.com/towpath/towpath/internal/expression"
	"github.com/towpath/towpath/internal/promote"
)

// formats are the checks behind the tag `is`.
var formats = map[string]func(string) error{
	"apiVersion":  isOneOf("towpath/v1"),
	"branch":      isBranch,
	"chart":       matches(`^(oci|https)://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._-]+)*/?$`, "oci://… or https://…"),
	"constraint":  isConstraint,
	"content":     func(string) error { return nil }, // the one text that may be empty
	"cron":        isCron,
	"date":        isDate,
	"duration":    isDuration,
	"expression":  isExpression,
	"folder":      isFolder,
	"glob":        isGlob,
	"identifier":  isIdentifier,
	"globName":    isGlobName,
	"image":       isImage,
	"key":         matches(`^(?:(?:[^.\[\]\\]|\\.)+|\[(?:\d+|[^\]=]+=[^\]]+)\])(?:\.(?:[^.\[\]\\]|\\.)+|\[(?:\d+|[^\]=]+=[^\]]+)\])*$`, `a key path like a.b, a\.b, list[0] or list[name=web]`),
	"name":        matches(`^[a-z0-9][a-z0-9-]*$`, "a name of small letters, digits and hyphens"),
	"owner":       matches(`^@[A-Za-z0-9][A-Za-z0-9-]*(/[A-Za-z0-9._-]+)?$`, "@user or @organisation/team"),
	"path":        isPath,
	"pattern":     isPattern,
	"application": matches(`^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`, "the name of an application"),
	"person":      matches(`^[A-Za-z0-9][A-Za-z0-9-]*$`, "the login of a person"),
	"platform":    matches(`^[a-z0-9]+/[a-z0-9_]+(/[a-z0-9]+)?$`, "os/architecture, like linux/amd64"),
	"regexp":      isRegexp,
	"repository":  matches(`^(\.|[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+)$`, "owner/name, or . for this repository"),
	"secret":      matches(`^[A-Z][A-Z0-9_]*$`, "the name of a secret: capitals, digits and _"),
	"team":        matches(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`, "organisation/team"),
	"timezone":    isTimezone,
	"version":     matches(`^v?\d+\.\d+(\.\d+)?([-+][0-9A-Za-z.+-]+)?$`, "a version"),
	"workflow":    matches(`^[A-Za-z0-9._-]+\.ya?ml$`, "the file name of a workflow"),
	"from1":       atLeast(1),
	"from0":       atLeast(0),
	"percentage":  isPercentage,
	"fileAndKey":  matches(`^[^#]+#.+$`, "file#key"),
}

// checkValue checks a value that holds no expression, or one that has been
// evaluated.
func (c *collector) checkValue(at At, f field, value string) bool {
	if value == "" && f.format != "content" {
		c.add(at, "%s is empty", f.label())
		return false
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, value) {
		message := fmt.Sprintf("%s must be %s, not %q", f.label(), alternatives(f.enum), shorten(value))
		if near := nearest(value, f.enum); near != "" {
			message += fmt.Sprintf("; did you mean %q?", near)
		}
		c.add(at, "%s", message)
		return false
	}
	if check := formats[f.format]; check != nil {
		if err := check(value); err != nil {
			c.add(at, "%s: %s", f.label(), err)
			return false
		}
	}
	return true
}

// alternatives lists words as a sentence does.
func alternatives(list []string) string {
	if len(list) == 1 {
		return list[0]
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}

func matches(pattern, what string) func(string) error {
	compiled := regexp.MustCompile(pattern)
	return func(s string) error {
		if !compiled.MatchString(s) {
			return fmt.Errorf("%q is not %s", shorten(s), what)
		}
		return nil
	}
}

func isOneOf(list ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(list, s) {
			return fmt.Errorf("%q is not known; this version reads %s", shorten(s), alternatives(list))
		}
		return nil
	}
}

func atLeast(n int) func(string) error {
	return func(s string) error {
		if i, err := strconv.Atoi(s); err != nil || i < n {
			return fmt.Errorf("%s is less than %d", s, n)
		}
		return nil
	}
}

func isPercentage(s string) error {
	if i, err := strconv.Atoi(s); err != nil || i < 1 || i > 100 {
		return fmt.Errorf("%s is not from 1 to 100", s)
	}
	return nil
}

func isRegexp(s string) error {
	if _, err := regexp.Compile(s); err != nil {
		return fmt.Errorf("not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

func isConstraint(s string) error {
	if _, err := semver.NewConstraint(s); err != nil {
		return fmt.Errorf("%q is not a version constraint: %s", shorten(s), err)
	}
	return nil
}

func isCron(s string) error {
	switch _, err := promote.ParseCron(s, ""); {
	case errors.Is(err, promote.ErrNeverTicks):
		return fmt.Errorf("%q never comes: %s", shorten(s), err)
	case err != nil:
		return fmt.Errorf("%q is not a cron line of five fields", shorten(s))
	}
	return nil
}

func isDate(s string) error {
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		return nil
	}
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return fmt.Errorf("%q is neither a date like 2026-12-20 nor a time like 2026-12-20T16:00:00Z", shorten(s))
	}
	return nil
}

func isDuration(s string) error {
	switch d, err := time.ParseDuration(s); {
	case err != nil:
		return fmt.Errorf("%q is not a duration like 90s, 30m or 72h", shorten(s))
	case d < 0:
		return fmt.Errorf("%s is negative", s)
	}
	return nil
}

func isTimezone(s string) error {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return fmt.Errorf("%q is not a time zone like Europe/Berlin", shorten(s))
	}
	return nil
}

func isExpression(s string) error {
	if strings.Contains(s, "${{") {
		return errors.New("an expression stands here without ${{ }}")
	}
	_, err := expression.CompileBare(s)
	return err
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	imageForm  = regexp.MustCompile(`^[a-z0-9.-]+(:\d+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+$`)
)

func isIdentifier(s string) error {
	if !identifier.MatchString(s) {
		return fmt.Errorf("%q is not a name for expressions: letters, digits and _", shorten(s))
	}
	if expression.Reserved(s) {
		return fmt.Errorf("%q has a meaning of its own in expressions", s)
	}
	return nil
}

func isImage(s string) error {
	if !imageForm.MatchString(promote.NormaliseImage(s)) {
		return fmt.Errorf("%q is not an image repository without tag and digest", shorten(s))
	}
	return nil
}

// isPath accepts a clean relative path that stays where it is.
func isPath(s string) error {
	switch {
	case strings.ContainsAny(s, "\x00\\") || strings.HasPrefix(s, "/"):
		return fmt.Errorf("%q is not a relative path with /", shorten(s))
	case path.Clean(s) != strings.TrimPrefix(strings.TrimSuffix(s, "/"), "./") && s != "./":
		return fmt.Errorf("%q is not a clean path; it says %q", shorten(s), shorten(path.Clean(s)))
	}
	for part := range strings.SplitSeq(path.Clean(s), "/") {
		if part == ".." {
			return fmt.Errorf("%q leads outside", shorten(s))
		}
		if strings.EqualFold(part, ".git") {
			return fmt.Errorf("%q goes through .git", shorten(s))
		}
	}
	return nil
}

// isFolder accepts a path that can be a part of a branch's name.
func isFolder(s string) error {
	if err := isPath(s); err != nil {
		return err
	}
	if s = path.Clean(s); s == "." {
		return nil
	}
	if strings.EqualFold(strings.SplitN(s, "/", 2)[0], path.Dir(PolicyFile)) {
		return fmt.Errorf("%q holds the configuration; no promotion may write it", shorten(s))
	}
	if err := isBranch("x/-/" + s); err != nil {
		return fmt.Errorf("%q can not be a part of the promotion branch's name", shorten(s))
	}
	return nil
}

func isGlob(s string) error {
	if strings.HasPrefix(s, "/") || slices.Contains(strings.Split(s, "/"), "..") {
		return fmt.Errorf("%q is not relative to the repository", shorten(s))
	}
	if !doublestar.ValidatePattern(s) {
		return fmt.Errorf("%q is not a glob", shorten(s))
	}
	return directives.CheckGlob(s)
}

// isGlobName accepts the name of a check or a status, as gates match it.
func isGlobName(s string) error {
	if _, err := path.Match(s, ""); err != nil {
		return fmt.Errorf("%q is not a glob", shorten(s))
	}
	return nil
}

// isPattern accepts a glob over stages: pipeline/stage[@stamp], or a bare stage.
func isPattern(s string) error {
	if _, err := path.Match(s, ""); err != nil || strings.Count(s, "/") > 1 {
		return fmt.Errorf("%q is not a pattern like pipeline/stage or */prod@*", shorten(s))
	}
	return nil
}

var badRef = regexp.MustCompile(`[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//`)

// isBranch follows git check-ref-format, and keeps our own branches apart.
func isBranch(s string) error {
	bad := badRef.MatchString(s) || s == "@" || strings.HasPrefix(s, "-") || strings.HasSuffix(s, "/") || strings.HasPrefix(s, "/") || strings.HasSuffix(s, ".")
	for part := range strings.SplitSeq(s, "/") {
		bad = bad || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	switch {
	case bad || len(s) > 200:
		return fmt.Errorf("%q is not the name of a branch", shorten(s))
	case s == "towpath" || strings.HasPrefix(s, "towpath/"):
		return fmt.Errorf("%q is one of Towpath's own branches", shorten(s))
	}
	return nil
}
