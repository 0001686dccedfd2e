package forge

import (
	"fmt"
	"net/http"
	"testing"
)

func TestPermissionIsTheExactRole(t *testing.T) {
	h := newHub(t)
	r := h.asApp()
	for _, role := range []string{"admin", "maintain", "write", "triage", "read"} {
		must(t, h.SetPermission(shop, "some-"+role, role))
		if got, err := r.Permission(t.Context(), "some-"+role); got != role || err != nil {
			t.Errorf("%s: %q, %v", role, got, err)
		}
	}
	must(t, h.SetPrivate(shop, true))
	must(t, h.CreateUser("stranger"))
	for _, login := range []string{"stranger", "not-on-github"} {
		if got, err := r.Permission(t.Context(), login); got != "none" || err != nil {
			t.Errorf("%s: %q, %v", login, got, err)
		}
	}
}

func TestPermissionByRolesOfAnOrganisation(t *testing.T) {
	for _, row := range []struct {
		permission, role, want string
	}{
		{"write", "deployer", "write"},
		{"read", "admin", "read"}, // a role of that name gives nothing by itself
		{"write", "", "write"},    // older servers do not send it
		{"admin", "admin", "admin"},
		{"none", "none", "none"},
		{"", "", ""},
		{"owner", "owner", ""},
	} {
		r, _ := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) {
			write(t, w, fmt.Sprintf(`{"permission": %q, "role_name": %q}`, row.permission, row.role))
		})
		if got, err := r.Permission(t.Context(), "octo"); got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%+v: %q, %v", row, got, err)
		}
	}
}

// C2: an error of the API is a "no" that may be tried again, never a permission.
func TestRightsThatCanNotBeAskedAreErrors(t *testing.T) {
	r, _ := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	if got, err := r.Permission(t.Context(), "octo"); got != "" || err == nil {
		t.Errorf("permission %q, %v", got, err)
	}
	if in, err := r.InTeam(t.Context(), "acme/sre", "octo"); in || err == nil {
		t.Errorf("in team: %v, %v", in, err)
	}
}

func TestTeams(t *testing.T) {
	h := newHub(t)
	h.AddTeamMember("acme", "sre", "octo")
	r := h.asApp()
	for _, row := range []struct {
		team, user string
		want       bool
	}{{"acme/sre", "octo", true}, {"acme/sre", "somebody", false}, {"acme/no-team", "octo", false}} {
		if got, err := r.InTeam(t.Context(), row.team, row.user); got != row.want || err != nil {
			t.Errorf("%s in %s: %v, %v", row.user, row.team, got, err)
		}
	}
	pending, _ := tokenForge(t, func(w http.ResponseWriter, _ *http.Request) { write(t, w, `{"state": "pending"}`) })
	if in, err := pending.InTeam(t.Context(), "acme/sre", "octo"); in || err != nil {
		t.Errorf("invited only: %v, %v", in, err)
	}
}

func TestNamesThatAreNotNamesAreNeverAsked(t *testing.T) {
	r, _ := tokenForge(t, func(_ http.ResponseWriter, req *http.Request) { t.Errorf("asked %s", req.URL) })
	for _, bad := range []string{"", "..", "a/b", "../../octo", "octo?x", "octo#", "a b", "[bot]"} {
		if _, err := r.Permission(t.Context(), bad); err == nil {
			t.Errorf("login %q was taken", bad)
		}
		if _, err := r.InTeam(t.Context(), "acme/sre", bad); err == nil {
			t.Errorf("member %q was taken", bad)
		}
		if _, err := r.InTeam(t.Context(), "acme/"+bad, "octo"); err == nil {
			t.Errorf("team %q was taken", bad)
		}
	}
}
