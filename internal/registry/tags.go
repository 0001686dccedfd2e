package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// tags lists the repository. One that is not there has none, since the first
// image may be yet to come.
func (s *session) tags(ctx context.Context) ([]string, error) {
	lister, err := s.puller.Lister(ctx, s.repository)
	if err != nil {
		if e := classify(s.normalised, err); e.Kind != NotFound {
			return nil, e
		}
		return nil, nil
	}
	var tags []string
	for pages := 1; lister.HasNext(); pages++ {
		page, err := lister.Next(ctx)
		if err != nil {
			return nil, classify(s.normalised, err)
		}
		tags = append(tags, page.Tags...)
		if len(tags) > maxTags || pages > maxPages {
			return nil, &Error{Kind: TooMany, Repository: s.normalised, Detail: fmt.Sprintf("more than %d tags, or than %d pages of them", maxTags, maxPages)}
		}
	}
	return tags, nil
}

// digest asks what a tag points at now.
func (s *session) digest(ctx context.Context, tag string) (string, error) {
	described, err := s.puller.Head(ctx, s.repository.Tag(tag))
	if err != nil && headFailed(err) {
		whole, getErr := s.puller.Get(ctx, s.repository.Tag(tag))
		if err = getErr; err == nil {
			described = &whole.Descriptor
		}
	}
	if err != nil {
		return "", classify(s.normalised, err)
	}
	digest := described.Digest.String()
	if !digestName.MatchString(digest) {
		return "", s.malformed("the digest is no SHA-256")
	}
	return digest, nil
}

// headFailed tells registries that answer HEAD badly, without the headers that
// matter or with "method not allowed", from those that answered or did not.
func headFailed(err error) bool {
	if answer := (*transport.Error)(nil); errors.As(err, &answer) {
		return answer.StatusCode == http.StatusMethodNotAllowed
	}
	request := (*url.Error)(nil)
	return !errors.As(err, &request)
}
