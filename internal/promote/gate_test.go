package promote

import (
	"testing"
	"time"
)

// Each row is a gate with the results there are, and what it makes of them an hour
// after the arrival.
func TestJudge(t *testing.T) {
	result := func(name, state string, at int) Result {
		return Result{Source: FromStatus, Name: name, State: state, At: minute(at)}
	}
	for _, row := range []struct {
		name    string
		gate    Gate
		results []Result
		state   GateState
		at      time.Time
		note    string
		until   time.Time
	}{
		{"nothing there", Gate{Match: "e2e"}, nil, GateWaits, time.Time{}, "", time.Time{}},
		{"G6: a cell that is missing", Gate{Match: "e2e", Matrix: []string{"a", "b"}}, []Result{result("e2e (a)", "success", 1)}, GateWaits, time.Time{}, "waits for e2e (b)", time.Time{}},
		{"G6: a cell that runs", Gate{Match: "e2e", Matrix: []string{"a", "b"}}, []Result{result("e2e (a)", "success", 1), result("e2e (b)", "pending", 2)}, GateWaits, time.Time{}, "waits for e2e (b)", time.Time{}},
		{"G6: a cell that failed, though another is missing", Gate{Match: "e2e", Matrix: []string{"a", "b"}}, []Result{result("e2e (b)", "failure", 2)}, GateBroken, minute(2), "e2e (b): failure", time.Time{}},
		{"G6: all cells passed, since the last", Gate{Match: "e2e", Matrix: []string{"a", "b"}}, []Result{result("e2e (b)", "success", 5), result("e2e (a)", "success", 2)}, GatePassed, minute(5), "", time.Time{}},
		{"G6: what is no cell does not matter", Gate{Match: "e2e", Matrix: []string{"a"}}, []Result{result("e2e (a)", "success", 5), result("e2e (b)", "failure", 2), result("e2e", "failure", 3)}, GatePassed, minute(5), "", time.Time{}},
		{"G6: a cell is no pattern", Gate{Match: "e2e", Matrix: []string{"*"}}, []Result{result("e2e (a)", "success", 5)}, GateWaits, time.Time{}, "waits for e2e (*)", time.Time{}},
		{"G6: a glob with too few", Gate{Match: "perf/*", Expect: 2}, []Result{result("perf/a", "success", 5)}, GateWaits, time.Time{}, "passed in 1 of 2 results", time.Time{}},
		{"G6: a glob with enough", Gate{Match: "perf/*", Expect: 2}, []Result{result("perf/a", "success", 5), result("perf/b", "success", 6)}, GatePassed, minute(6), "", time.Time{}},
		{"G6: a glob with more, of which one runs", Gate{Match: "perf/*", Expect: 1}, []Result{result("perf/a", "success", 5), result("perf/b", "", 6)}, GateWaits, time.Time{}, "passed in 1 of 2 results", time.Time{}},
		{"G6: missing for too long", Gate{Match: "e2e", Within: 30 * time.Minute}, nil, GateTooLate, minute(30), "30m", time.Time{}},
		{"G6: missing for not too long", Gate{Match: "e2e", Within: 90 * time.Minute}, nil, GateWaits, time.Time{}, "", minute(90)},
		{"G6: settling", Gate{Match: "e2e", Settle: 10 * time.Minute, Within: 30 * time.Minute}, []Result{result("e2e", "success", 55)}, GateWaits, time.Time{}, "passed, and has to stay so until " + clock(minute(65)), minute(65)},
		{"G6: settled", Gate{Match: "e2e", Settle: 10 * time.Minute}, []Result{result("e2e", "success", 50)}, GatePassed, minute(60), "", time.Time{}},
		{"G6: settling is not begun again by a repetition", Gate{Match: "e2e", Settle: 10 * time.Minute}, []Result{result("e2e", "success", 40), result("e2e", "success", 59)}, GatePassed, minute(50), "", time.Time{}},
		{"G6: but by a failure between", Gate{Match: "e2e", Settle: 10 * time.Minute}, []Result{result("e2e", "success", 40), result("e2e", "failure", 50), result("e2e", "success", 59)}, GateWaits, time.Time{}, "passed, and has to stay so until " + clock(minute(69)), minute(69)},
		{"a failure does not settle", Gate{Match: "e2e", Settle: 10 * time.Minute}, []Result{result("e2e", "failure", 59)}, GateBroken, minute(59), "failure", time.Time{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.gate.Source = FromStatus
			got := row.gate.Judge(row.results, minute(0), minute(60))
			if got.State != row.state || !got.At.Equal(row.at) || got.Note != row.note || !got.Until.Equal(row.until) {
				t.Errorf("got %s at %s until %s, %q", got.State, got.At, got.Until, got.Note)
			}
		})
	}
}
