// Package promote is the domain: what freight is, when a stage may have it, and
// what is to be done next.
//
// It knows pipelines, policies and the facts that were observed about them. It
// does not know where any of them come from: no git, no GitHub, no files, no
// clock. Time is a value of the [Snapshot]; the same snapshot always gives the
// same verdicts, so planning, explaining and doing print one and the same value.
package promote
