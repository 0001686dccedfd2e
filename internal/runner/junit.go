package runner

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/towpath/towpath/internal/schedule"
)

// The form of JUnit's reports, as far as their readers agree on it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string     `xml:"name,attr"`
		Class   string     `xml:"classname,attr"`
		Time    string     `xml:"time,attr"`
		Failure *junitNote `xml:"failure"`
		Error   *junitNote `xml:"error"`
		Skipped *junitNote `xml:"skipped"`
	}
	junitNote struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
	}
)

// JUnit writes the report as test results: a suite per stage, with the promotion, its
// commands and every gate as its tests. What failed is a failure, what was cancelled an error of
// that type, what was skipped or informs only and did not pass is skipped.
func (r *Report) JUnit(to io.Writer) error {
	out := junitSuites{Name: "towpath " + r.Repository, Time: fmt.Sprintf("%.3f", r.Seconds)}
	for _, l := range r.Stages {
		s := l.suite()
		out.Tests, out.Failures, out.Errors, out.Skipped = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors, out.Skipped+s.Skipped
		out.Suites = append(out.Suites, s)
	}
	if _, err := io.WriteString(to, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(to)
	encoder.Indent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(to, "\n")
	return err
}

func (l Lane) suite() junitSuite {
	s := junitSuite{Name: l.Stage, Time: fmt.Sprintf("%.3f", l.Seconds)}
	if !l.Started.IsZero() {
		s.Timestamp = l.Started.Format("2006-01-02T15:04:05")
	}
	s.add(junitCase{Name: "promotion", Class: l.Stage, Time: s.Time}, l.Outcome, l.because())
	for _, c := range l.Steps {
		s.add(junitCase{Name: "exec " + spoken(c.Command), Class: l.Stage, Time: fmt.Sprintf("%.3f", c.Seconds)}, c.Outcome, c.Note)
	}
	for _, g := range l.Gates {
		outcome, note := g.Outcome, g.Note
		switch {
		case outcome == string(schedule.Succeeded):
		case !g.Required:
			outcome, note = string(schedule.Skipped), strings.TrimSpace("informs only: "+g.Outcome+" "+g.Note)
		case outcome == "pending":
			outcome, note = string(schedule.Skipped), strings.TrimSpace("no result yet "+g.Note)
		}
		s.add(junitCase{Name: g.Name, Class: l.Stage, Time: fmt.Sprintf("%.3f", g.Seconds)}, outcome, note)
	}
	return s
}

func (s *junitSuite) add(c junitCase, outcome, note string) {
	s.Tests++
	switch outcome {
	case string(schedule.Succeeded):
	case string(schedule.Skipped):
		s.Skipped++
		c.Skipped = &junitNote{Message: note}
	case string(schedule.Cancelled):
		s.Errors++
		c.Error = &junitNote{Type: outcome, Message: note}
	default:
		s.Failures++
		c.Failure = &junitNote{Type: outcome, Message: note}
	}
	s.Cases = append(s.Cases, c)
}
