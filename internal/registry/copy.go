package registry

import (
	"context"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/towpath/towpath/internal/promote"
)

const (
	copyTimeout = 8 * time.Minute
	maxBlob     = 20 << 30 // of a layer that is copied
)

// Copy copies an image by its digest into another repository, index and all, and
// lets the tags point at it there. What is there already is not sent again, so a
// copy that was cut goes on where it was. It goes only where a login leads that
// the operator bound to the client's repository: nothing is sent to addresses that
// only a pipeline names. The error is an [*Error].
func (c *Client) Copy(ctx context.Context, image promote.Image, to string, tags []string) error {
	ctx, cancel := context.WithTimeout(withLimit(ctx, maxBlob), copyTimeout)
	defer cancel()
	from, err := c.session(image.Repository)
	if err != nil {
		return err
	}
	target, err := c.session(to)
	if err != nil {
		return err
	}
	login, err := authn.Resolve(ctx, c.keys, target.repository)
	if err != nil || login == authn.Anonymous {
		return &Error{Kind: Unauthorized, Repository: target.normalised, Detail: "the server has no login for it that this repository may use"}
	}
	refs, err := target.unlike(ctx, image.Digest, tags)
	if err != nil || len(refs) == 0 {
		return err
	}
	found, err := from.puller.Get(ctx, from.repository.Digest(image.Digest))
	if err != nil {
		c.forget(from, classify(from.normalised, err))
		return classify(from.normalised, err)
	}
	pusher, err := remote.NewPusher(c.options...)
	for _, ref := range refs {
		if err == nil {
			err = pusher.Push(ctx, ref, found)
		}
	}
	if err != nil {
		return classify(target.normalised, err)
	}
	return nil
}

// unlike are the tags that point at something else than the digest, or are not
// there.
func (s *session) unlike(ctx context.Context, digest string, tags []string) ([]name.Reference, error) {
	var out []name.Reference
	for _, tag := range tags {
		if !tagName.MatchString(tag) {
			return nil, &Error{Kind: Invalid, Repository: s.normalised, Detail: quoteName(tag) + " is no tag"}
		}
		switch is, err := s.digest(ctx, tag); {
		case err == nil && is == digest:
			continue
		case err != nil && classify(s.normalised, err).Temporary():
			return nil, err // any other refusal may be about what is not there yet
		}
		out = append(out, s.repository.Tag(tag))
	}
	return out, nil
}
