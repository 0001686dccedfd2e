package gitrepo_test

import (
	"strings"
	"testing"
)

// What somebody says of a ref is fetched as the difference to what is here, so that
// the look after it has nothing left to ask for; a lie changes nothing but that.
func TestExpectedCommitsAreThere(t *testing.T) {
	server := newGitServer(t)
	r := server.create(t, "acme/app")
	first := r.commit("main", file{"a", "1\n"}, file{"b", "1\n"})
	repo := mirrorOf(t, t.TempDir(), r)
	if _, err := repo.Refs(t.Context(), "refs/heads/"); err != nil {
		t.Fatal(err)
	}
	if err := fetch(t.Context(), repo, first); err != nil {
		t.Fatal(err)
	}
	second := r.commit("main", file{"a", "2\n"})
	if err := repo.Expect(t.Context(), "refs/heads/main", second); err != nil {
		t.Fatal(err)
	}
	server.asked()
	if err := fetch(t.Context(), repo, second); err != nil {
		t.Fatal(err)
	}
	if err := readSome(repo, second, "a"); err != nil {
		t.Fatal(err)
	}
	if asked := server.asked(); asked != "" {
		t.Errorf("asked again: %s", asked)
	}

	other := r.commit("other", file{"a", "3\n"})
	if err := repo.Expect(t.Context(), "refs/heads/main", other); err != nil {
		t.Fatal(err)
	}
	for _, lie := range []string{strings.Repeat("1", 40), "main", ""} {
		if err := repo.Expect(t.Context(), "refs/heads/main", lie); err == nil {
			t.Errorf("%q was found", lie)
		}
	}
	refs, err := repo.Refs(t.Context(), "refs/heads/")
	if err != nil || refs["refs/heads/main"] != second {
		t.Fatalf("main is at %s, %v", refs["refs/heads/main"], err)
	}
	third := r.commit("main", file{"b", "3\n"})
	if _, err := repo.Refs(t.Context(), "refs/heads/"); err != nil {
		t.Fatal(err)
	}
	if err := fetch(t.Context(), repo, third); err != nil {
		t.Fatal(err)
	}
	if err := readSome(repo, third, "a", "b"); err != nil {
		t.Fatal(err)
	}
}
