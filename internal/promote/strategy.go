package promote

import "fmt"

// StrategyKind names how many upstream stages must agree.
type StrategyKind string

// The strategies of A2.
const (
	Any      StrategyKind = "any"
	All      StrategyKind = "all"
	Majority StrategyKind = "majority"
	AtLeast  StrategyKind = "atLeast"
	Percent  StrategyKind = "percent"
)

// Strategy is the quorum rule of a request over its upstream stages. The zero
// value is any.
type Strategy struct {
	Kind StrategyKind
	N    int // of atLeast and percent
}

// Needed returns how many of n upstream stages must agree. A rule that can not
// be met, or that would be met by nobody, is an error, never vacuous truth (A2).
func (s Strategy) Needed(n int) (int, error) {
	if n < 1 {
		return 0, fmt.Errorf("availability %s needs at least one upstream stage under `from`", s)
	}
	switch s.Kind {
	case Any, "":
		return 1, nil
	case All:
		return n, nil
	case Majority:
		return n/2 + 1, nil
	case AtLeast:
		if s.N < 1 || s.N > n {
			return 0, fmt.Errorf("availability %s can not be met: the number must be from 1 to %d, the number of upstream stages", s, n)
		}
		return s.N, nil
	case Percent:
		if s.N < 1 || s.N > 100 {
			return 0, fmt.Errorf("availability %s: a percentage is from 1 to 100", s)
		}
		return (s.N*n + 99) / 100, nil
	}
	return 0, fmt.Errorf("availability %q is unknown: any, all, majority, {atLeast: n} or {percent: p}", s.Kind)
}

// String is the rule as the configuration writes it.
func (s Strategy) String() string {
	switch s.Kind {
	case AtLeast, Percent:
		return fmt.Sprintf("{%s: %d}", s.Kind, s.N)
	case "":
		return string(Any)
	}
	return string(s.Kind)
}
