package engine

import (
	"slices"
	"testing"
)

// The cases follow GitHub's own examples of the syntax.
func TestOwnersOfAFile(t *testing.T) {
	const file = "clusters/prod/manifest.yaml"
	for name, c := range map[string]struct {
		text   string
		users  []string
		teams  []string
		unread int
	}{
		"nothing":                {text: ""},
		"everything":             {text: "* @a @b\n", users: []string{"a", "b"}},
		"the last line counts":   {text: "* @a\n/clusters/ @b\n/deploy/ @c\n", users: []string{"b"}},
		"nobody, by the last":    {text: "* @a\n/clusters/prod/\n"},
		"a folder anywhere":      {text: "prod/ @a", users: []string{"a"}},
		"a folder elsewhere":     {text: "/prod/ @a"},
		"files in it":            {text: "clusters/prod/* @a", users: []string{"a"}},
		"files above it":         {text: "clusters/* @a"},
		"any depth":              {text: "/clusters/** @a", users: []string{"a"}},
		"by ending":              {text: "*.yaml @a\n*.json @b", users: []string{"a"}},
		"teams, no addresses":    {text: "* me@example.com @acme/SRE", teams: []string{"acme/sre"}},
		"comments":               {text: "# * @b\n* @a # and @c\n\n", users: []string{"a"}},
		"unreadable, and last":   {text: "* @a\n/clusters/[p]rod/ @b\n", unread: 2},
		"unreadable, not last":   {text: "!clusters @b\n* @a\n", users: []string{"a"}},
		"an owner that is none":  {text: "* @a\n* @@\n/deploy/ @c", unread: 2},
		"line ends of elsewhere": {text: "* @a\r\n/deploy/ @b\r\n", users: []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			owners, unread := ownersOf([]byte(c.text), file)
			if !slices.Equal(owners.Users, c.users) || !slices.Equal(owners.Teams, c.teams) || unread != c.unread {
				t.Errorf("got %v and %v, unread %d", owners.Users, owners.Teams, unread)
			}
		})
	}
}
