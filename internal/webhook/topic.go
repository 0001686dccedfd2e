package webhook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Topic names something that may have changed: "repo:owner/name" in lower case,
// or "image:host/path", an image repository in full and in lower case, without
// tag and digest.
type Topic string

var (
	repositoryName = regexp.MustCompile(`^[a-z0-9_][a-z0-9_-]{0,99}/[a-z0-9._-]{1,100}$`)
	imageHost      = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(:[0-9]{1,5})?$`)
	imagePath      = regexp.MustCompile(`^[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)
)

// maxImageName is the longest image repository that registries agree on.
const maxImageName = 255

// RepositoryTopic returns the topic of the repository "owner/name".
func RepositoryTopic(fullName string) (Topic, error) {
	name := strings.ToLower(fullName)
	if !repositoryName.MatchString(name) || strings.HasSuffix(name, "/.") || strings.HasSuffix(name, "/..") {
		return "", fmt.Errorf("not a repository name: %.100q", fullName)
	}
	return Topic("repo:" + name), nil
}

// ImageTopic returns the topic of an image's repository. The image may carry a
// tag and a digest, which are dropped; Docker Hub's short names are written out.
func ImageTopic(image string) (Topic, error) {
	repository, _, _ := strings.Cut(strings.ToLower(image), "@")
	if colon := strings.LastIndexByte(repository, ':'); colon > strings.LastIndexByte(repository, '/') {
		repository = repository[:colon]
	}
	host, path, found := strings.Cut(repository, "/")
	if !found || (!strings.ContainsAny(host, ".:") && host != "localhost") {
		host, path = "docker.io", repository
	}
	return hostedImage(host, path)
}

// hostedImage is ImageTopic where the host is known to be one.
func hostedImage(host, path string) (Topic, error) {
	host, path = strings.ToLower(host), strings.ToLower(path)
	if host == "index.docker.io" || host == "registry-1.docker.io" {
		host = "docker.io"
	}
	if host == "docker.io" && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	repository := host + "/" + path
	if len(repository) > maxImageName || !imageHost.MatchString(host) || !imagePath.MatchString(path) {
		return "", fmt.Errorf("not an image repository: %.100q", repository)
	}
	return Topic("image:" + repository), nil
}

func sorted(topics []Topic) []Topic {
	slices.Sort(topics)
	return slices.Compact(topics)
}
