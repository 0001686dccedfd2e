package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// indexed is a chart in an https repository with an index.yaml.
type indexed struct {
	client     *Client
	repository string   // normalised
	base       *url.URL // of the repository, with a slash at the end
	name       string
	listing    listing
}

func newIndexed(c *Client, repository, name string) (*indexed, error) {
	base, err := url.Parse(repository + "/")
	if err != nil || base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, &Error{Kind: Invalid, Detail: "the repository is neither oci://… nor https://…"}
	}
	return &indexed{client: c, repository: repository, base: base, name: name}, nil
}

// tags lists the versions. The index is read again only when it has changed.
func (i *indexed) tags(ctx context.Context) ([]string, error) {
	key := i.client.archiveKey(i.repository, i.name, "")
	if known, ok := i.client.kept.get(key); ok {
		i.listing = known.(listing)
	}
	got, err := i.client.fetch(ctx, i.base.JoinPath("index.yaml"), maxIndex, i.listing.etag)
	if err != nil {
		return nil, classify(i.repository, err)
	}
	if got.same {
		return slices.Clone(i.listing.names), nil
	}
	if i.listing, err = parseIndex(got.body, i.name); err != nil {
		return nil, &Error{Kind: Malformed, Detail: err.Error()}
	}
	if len(i.listing.names) > maxTags {
		return nil, &Error{Kind: TooMany, Detail: "more than 50000 versions"}
	}
	if i.listing.etag = got.etag; got.etag != "" {
		i.client.kept.put(key, i.listing, i.listing.size())
	}
	return slices.Clone(i.listing.names), nil
}

// digest is that of the version's archive, which is downloaded when it is met for
// the first time: an index that lists what is not there must make no freight.
func (i *indexed) digest(ctx context.Context, version string) (string, error) {
	v := i.listing.versions[version]
	key := factsKey{rights: i.client.rights, repository: i.repository + " " + i.name, digest: v.digest}
	if _, met := i.client.known.Get(key); met && v.digest != "" {
		return v.digest, nil
	}
	data, digest, err := i.download(ctx, v)
	if err != nil {
		return "", err
	}
	key.digest = digest
	i.client.known.Add(key, facts{})
	i.client.kept.put(i.client.archiveKey(i.repository, i.name, digest), data, len(data))
	return digest, nil
}

// facts are none: an archive says nothing of itself that a selection asks for.
func (i *indexed) facts(context.Context, string, *v1.Platform) (facts, error) { return facts{}, nil }

const anotherArchive = "the archive is not the one of the digest"

func (i *indexed) archive(ctx context.Context, version, digest string) ([]byte, error) {
	if _, err := i.tags(ctx); err != nil {
		return nil, err
	}
	v, ok := i.listing.versions[version]
	switch {
	case !ok:
		return nil, &Error{Kind: NotFound, Detail: "the index does not list it"}
	case v.digest != "" && v.digest != digest:
		return nil, &Error{Kind: NotFound, Detail: "the index lists it with another digest now"}
	}
	v.digest = digest
	data, _, err := i.download(ctx, v)
	return data, err
}

// download reads an archive, which must have the digest that is listed. Its
// errors are about this version alone, unless the look is over.
func (i *indexed) download(ctx context.Context, v listed) (data []byte, digest string, _ error) {
	wrong := func(detail string) error { return &Error{Kind: Malformed, Detail: detail, artifact: true} }
	if v.broken != "" {
		return nil, "", wrong(v.broken)
	}
	at, problem := i.address(v.url)
	if problem != "" {
		return nil, "", wrong(problem)
	}
	got, err := i.client.fetch(ctx, at, maxArchive, "")
	switch {
	case errors.Is(err, errPlainHTTP), errors.Is(err, errElsewhere), errors.Is(err, errRedirects), errors.Is(err, errPrivate):
		return nil, "", wrong(describeNetwork(err))
	case err != nil:
		e := classify(i.repository, err)
		e.artifact = true
		return nil, "", e
	}
	sum := sha256.Sum256(got.body)
	if digest = "sha256:" + hex.EncodeToString(sum[:]); v.digest != "" && digest != v.digest {
		return nil, "", wrong(anotherArchive)
	}
	return got.body, digest, nil
}

// address resolves what the index gives as the place of an archive, or says what
// is wrong with it. Another host must be one that anybody could ask.
func (i *indexed) address(text string) (_ *url.URL, problem string) {
	at, err := i.base.Parse(text)
	if err != nil {
		return nil, "the index gives no address of the archive"
	}
	at.Host = strings.ToLower(at.Host)
	switch {
	case at.Scheme == "oci":
		return nil, "the index leads to an OCI repository; subscribe to that as oci://…"
	case at.Scheme != "https" && at.Scheme != "http" || at.Host == "" || at.User != nil:
		return nil, "the index leads to something else than a plain https address"
	case at.Host != i.base.Host && !public(at, i.client.chartHost):
		return nil, errElsewhere.Error()
	}
	return at, ""
}
