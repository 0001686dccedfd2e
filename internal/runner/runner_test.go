package runner

import (
	"fmt"
	"strings"
	"testing"

	"github.com/towpath/towpath/internal/promote"
	"github.com/towpath/towpath/internal/report"
)

// X1, S3: a stage waits for as many of those that it takes from as its rule wants.
func TestUpstream(t *testing.T) {
	stages := []promote.Stage{{Name: "test"}, {Name: "test.2"}, {Name: "uat"}, {Name: "qa@eu", Stamp: "eu"}, {Name: "qa@us", Stamp: "us"}}
	from := func(kind promote.StrategyKind, n int, stamps promote.StampRule, names ...string) promote.Request {
		return promote.Request{Warehouse: "app", From: names, Availability: promote.Strategy{Kind: kind, N: n}, Stamps: stamps}
	}
	for _, test := range []struct {
		request promote.Request
		want    string
	}{
		{promote.Request{Warehouse: "app"}, "[]"},
		{from(promote.Any, 0, "", "test"), "[{[[test test.2]] 1}]"},
		{from(promote.Any, 0, "", "test", "uat"), "[{[[test test.2] [uat]] 1}]"},
		{from(promote.All, 0, "", "test", "uat"), "[{[[test test.2] [uat]] 2}]"},
		{from(promote.AtLeast, 2, "", "test", "uat", "qa"), "[{[[test test.2] [uat] [qa@eu qa@us]] 2}]"},
		{from(promote.Any, 0, promote.AnyStamp, "uat", "qa"), "[{[[uat] [qa@eu] [qa@us]] 1}]"},
		{from(promote.All, 0, promote.AnyStamp, "qa", "uat"), "[{[[qa@eu] [qa@us]] 1} {[[uat]] 1}]"},
		{from(promote.AtLeast, 2, promote.AnyStamp, "test", "uat", "qa"), "[{[[test test.2] [uat] [qa@eu] [qa@us]] 2}]"},
		{from(promote.All, 0, promote.AllStamps, "qa"), "[{[[qa@eu qa@us]] 1}]"},
		{from(promote.Any, 0, "", "qa@us"), "[{[[qa@us]] 1}]"},
	} {
		p := promote.Pipeline{Name: "web", Stages: stages}
		got := fmt.Sprint(upstream([]report.View{{Pipeline: p}}, p, promote.Stage{Name: "prod", Requests: []promote.Request{test.request}}))
		if got != test.want {
			t.Errorf("%v of %v: %s, want %s", test.request.Availability, test.request.From, got, test.want)
		}
	}
}

// X6: names mean stages, lanes, and those of one pipeline.
func TestMeant(t *testing.T) {
	web := report.View{Pipeline: promote.Pipeline{Name: "web", Stages: []promote.Stage{{Name: "test"}, {Name: "prod@eu", Stamp: "eu"}, {Name: "prod@us", Stamp: "us"}}}}
	api := report.View{Pipeline: promote.Pipeline{Name: "api", Stages: []promote.Stage{{Name: "test"}}}}
	for _, test := range []struct {
		views []report.View
		names string
		want  string
	}{
		{[]report.View{web}, "test prod@us", "[test prod@us]"},
		{[]report.View{web}, "prod", "[prod@eu prod@us]"},
		{[]report.View{web}, "web/prod@eu", "[prod@eu]"},
		{[]report.View{web, api}, "api/test prod", "[api/test web/prod@eu web/prod@us]"},
		{[]report.View{web, api}, "test", `several pipelines have a stage "test": write web/test or api/test`},
		{[]report.View{web}, "uat", `there is no stage "uat"; there are test, prod@eu, prod@us`},
		{[]report.View{web}, "api/test", `there is no stage "api/test"; there are test, prod@eu, prod@us`},
	} {
		names, err := meant(test.views, strings.Fields(test.names))
		if got := fmt.Sprint(names); err == nil && got != test.want || err != nil && err.Error() != test.want {
			t.Errorf("%s: %s, %v, want %s", test.names, got, err, test.want)
		}
	}
}
