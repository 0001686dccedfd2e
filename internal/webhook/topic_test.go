package webhook

import "testing"

func TestImageTopicNamesOneRepositoryOneWay(t *testing.T) {
	for image, want := range map[string]Topic{
		"nginx":                               "image:docker.io/library/nginx",
		"nginx:1.27":                          "image:docker.io/library/nginx",
		"acme/app":                            "image:docker.io/acme/app",
		"docker.io/nginx":                     "image:docker.io/library/nginx",
		"index.docker.io/library/nginx":       "image:docker.io/library/nginx",
		"registry-1.docker.io/acme/app":       "image:docker.io/acme/app",
		"ghcr.io/Acme/App:v1@sha256:abc":      "image:ghcr.io/acme/app",
		"ghcr.io/acme/app:":                   "image:ghcr.io/acme/app",
		"ghcr.io/acme/charts/redis":           "image:ghcr.io/acme/charts/redis",
		"localhost/app":                       "image:localhost/app",
		"127.0.0.1:5000/app":                  "image:127.0.0.1:5000/app",
		"127.0.0.1:5000/team/app:1.0":         "image:127.0.0.1:5000/team/app",
		"[::1]:5000/app":                      "image:[::1]:5000/app",
		"registry.example.com/a/b_c/d.e/f--g": "image:registry.example.com/a/b_c/d.e/f--g",
	} {
		if got, err := ImageTopic(image); err != nil || got != want {
			t.Errorf("ImageTopic(%q) = %q, %v; want %q", image, got, err, want)
		}
	}
}

func TestImageTopicRefusesWhatNoRegistryServes(t *testing.T) {
	long := make([]byte, 300)
	for i := range long {
		long[i] = 'a'
	}
	for _, image := range []string{
		"", "/", "ghcr.io/", "ghcr.io//app", "ghcr.io/../app", "ghcr.io/a b", "ghcr.io/app\n", "ghcr.io/-app",
		"gh cr.io/app", "host.io:port/app", "ghcr.io/" + string(long),
	} {
		if got, err := ImageTopic(image); err == nil {
			t.Errorf("ImageTopic(%q) = %q, want an error", image, got)
		}
	}
}

func TestRepositoryTopic(t *testing.T) {
	for name, want := range map[string]Topic{
		"Acme/Guest.book_2": "repo:acme/guest.book_2",
		"octo_corp/.github": "repo:octo_corp/.github",
	} {
		if got, err := RepositoryTopic(name); err != nil || got != want {
			t.Errorf("RepositoryTopic(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", "acme", "acme/", "/app", "acme/a/b", "acme/..", "../app", "acme/a b", "acme/a\n", "acmé/app"} {
		if got, err := RepositoryTopic(name); err == nil {
			t.Errorf("RepositoryTopic(%q) = %q, want an error", name, got)
		}
	}
}
