package towpath_test

import (
	"os"
	"regexp"
	"testing"
)

// Every story that the contract names is there: a row whose proof is gone is not
// true any more.
func TestBehaviourNamesStoriesThatExist(t *testing.T) {
	text, err := os.ReadFile("docs/behaviour.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z][0-9]{2}-[a-z0-9-]+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 50 {
		t.Fatalf("only %d stories are named", len(named))
	}
	for _, story := range named {
		if _, err := os.Stat("testdata/script/" + story[1] + ".txtar"); err != nil {
			t.Errorf("docs/behaviour.md: %v", err)
		}
	}
}
