package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// GitHub returns the handler for GitHub's deliveries, an App's and a
// repository's alike. A delivery is verified by X-Hub-Signature-256 and nothing
// else; several secrets are for rotation. No secrets, or an empty one, is an
// error.
func GitHub(secrets [][]byte, store Store, options Options) (http.Handler, error) {
	rc, err := newReceiver(secrets, store, options)
	if err != nil {
		return nil, fmt.Errorf("receive from GitHub: %w", err)
	}
	events := githubEvents()
	s := sender{
		source:       "github",
		contentTypes: []string{"application/json", "application/x-www-form-urlencoded"},
		verify:       signedBy("X-Hub-Signature-256"),
		narrow: func(header http.Header, body []byte) (Delivery, error) {
			return narrowGitHub(events, header, body)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { rc.serve(w, r, s) }), nil
}

var commitForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

var githubDelivery = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func narrowGitHub(events map[string]narrowing, header http.Header, body []byte) (Delivery, error) {
	id := strings.ToLower(header.Get("X-GitHub-Delivery"))
	if !githubDelivery.MatchString(id) {
		return Delivery{}, errors.New("X-GitHub-Delivery is not a delivery's id")
	}
	event := header.Get("X-GitHub-Event")
	if event == "" {
		return Delivery{}, errors.New("X-GitHub-Event is missing")
	}
	d := Delivery{ID: id, Event: event}
	narrow, known := events[event]
	if !known {
		return d, nil
	}
	if strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil || !form.Has("payload") {
			return Delivery{}, errors.New("the form has no payload")
		}
		body = []byte(form.Get("payload"))
	}
	var p githubPayload
	if err := json.Unmarshal(body, &p); err != nil {
		return Delivery{}, fmt.Errorf("the payload is not that of %q", event)
	}
	var err error
	d.Topics, d.Note, err = narrow(p)
	if err == nil && event == "push" && commitForm.MatchString(p.After) && strings.Trim(p.After, "0") != "" {
		d.Head = Head{Repository: strings.ToLower(p.Repository.FullName), Ref: p.Ref, Commit: p.After}
	}
	return d, err
}

// githubPayload is the part of GitHub's payloads that names things.
type githubPayload struct {
	Action            string             `json:"action"`
	Ref               string             `json:"ref"`
	After             string             `json:"after"`
	Repository        githubRepository   `json:"repository"`
	Repositories      []githubRepository `json:"repositories"`
	RepositoriesAdded []githubRepository `json:"repositories_added"`
	Package           githubPackage      `json:"package"`
	RegistryPackage   githubPackage      `json:"registry_package"`
	ClientPayload     json.RawMessage    `json:"client_payload"`
}

type githubRepository struct {
	FullName string `json:"full_name"`
}

type githubPackage struct {
	Name        string `json:"name"`
	PackageType string `json:"package_type"`
	Ecosystem   string `json:"ecosystem"`
	Owner       struct {
		Login string `json:"login"`
	} `json:"owner"`
	Version struct {
		URL string `json:"package_url"`
	} `json:"package_version"`
}

// narrowing returns what an event's payload may have changed, and a note on what
// in it could not be read.
type narrowing func(githubPayload) ([]Topic, string, error)

// githubEvents are the events that are looked at; all others are answered and
// forgotten.
func githubEvents() map[string]narrowing {
	return map[string]narrowing{
		"check_run":                 ofRepository,
		"check_suite":               ofRepository,
		"deployment_status":         ofRepository,
		"installation":              ofInstallation,
		"installation_repositories": ofInstallation,
		"issue_comment":             ofRepository,
		"package":                   ofPackage,
		"pull_request":              ofRepository,
		"pull_request_review":       ofRepository,
		"push":                      ofRepository,
		"registry_package":          ofPackage,
		"repository":                ofRepository,
		"repository_dispatch":       ofDispatch,
		"status":                    ofRepository,
		"workflow_run":              ofRepository,
	}
}

func ofRepository(p githubPayload) ([]Topic, string, error) {
	topic, err := RepositoryTopic(p.Repository.FullName)
	return []Topic{topic}, "", err
}

// ofInstallation names the repositories that came; those that went can not be
// looked at any more.
func ofInstallation(p githubPayload) ([]Topic, string, error) {
	came := p.RepositoriesAdded
	if p.Action == "created" || p.Action == "new_permissions_accepted" {
		came = append(came, p.Repositories...)
	}
	var topics []Topic
	for _, repository := range came {
		topic, err := RepositoryTopic(repository.FullName)
		if err != nil {
			return nil, "", err
		}
		topics = append(topics, topic)
	}
	return topics, "", nil
}

// ofPackage names the image as well as the repository that built it, which is
// rarely the one that deploys it. GitHub sends the event as "package" or as
// "registry_package", and leaves the repository out when none is linked.
func ofPackage(p githubPayload) ([]Topic, string, error) {
	pkg := p.Package
	if pkg.Name == "" {
		pkg = p.RegistryPackage
	}
	var topics []Topic
	if p.Repository.FullName != "" {
		topic, err := RepositoryTopic(p.Repository.FullName)
		if err != nil {
			return nil, "", err
		}
		topics = append(topics, topic)
	}
	if !pkg.isImage() {
		return topics, "", nil
	}
	image := pkg.Version.URL // names the registry too, which on a GitHub of one's own is not ghcr.io
	if image == "" {
		image = "ghcr.io/" + pkg.Owner.Login + "/" + pkg.Name
	}
	topic, err := ImageTopic(image)
	if err != nil {
		return topics, "the package is " + err.Error(), nil
	}
	return append(topics, topic), "", nil
}

// isImage goes by both fields: GitHub's own examples disagree on which is right.
func (p githubPackage) isImage() bool {
	for _, kind := range []string{p.PackageType, p.Ecosystem} {
		if strings.EqualFold(kind, "container") || strings.EqualFold(kind, "docker") {
			return true
		}
	}
	return false
}

// ofDispatch reads client_payload.image, by which a workflow may say that it
// pushed an image. The rest of the payload is free, so nothing else is required
// of it.
func ofDispatch(p githubPayload) ([]Topic, string, error) {
	topics, _, err := ofRepository(p)
	if err != nil {
		return nil, "", err
	}
	var payload struct {
		Image json.RawMessage `json:"image"`
	}
	if json.Unmarshal(p.ClientPayload, &payload) != nil || payload.Image == nil {
		return topics, "", nil
	}
	var image string
	if err := json.Unmarshal(payload.Image, &image); err != nil {
		return topics, "client_payload.image is not a string", nil
	}
	topic, err := ImageTopic(image)
	if err != nil {
		return topics, "client_payload.image is " + err.Error(), nil
	}
	return append(topics, topic), "", nil
}
