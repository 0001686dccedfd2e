package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/towpath/towpath/internal/promote"
)

const (
	maxArchive = 32 << 20 // bytes of a chart's archive
	maxKept    = 64 << 20 // bytes of archives and indexes that are remembered
)

// versionName is what can be a chart's version at all.
var versionName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}$`)

// charts is a repository of one chart.
type charts interface {
	origin
	// archive downloads the chart of that digest.
	archive(ctx context.Context, version, digest string) ([]byte, error)
}

// charts returns where a chart's versions are, with the session where that is an
// OCI repository.
func (c *Client) charts(repository, name string) (charts, *session, error) {
	if path, ok := strings.CutPrefix(repository, "oci://"); ok {
		s, err := c.session(path)
		return ociCharts{s}, s, err
	}
	i, err := newIndexed(c, repository, name)
	return i, nil, err
}

// FoundChart is what a chart subscription leads to now.
type FoundChart struct {
	Chart  promote.Chart
	OK     bool     // false: no version that is there is admitted
	Passed []Passed // as in [Found], by version
}

// DiscoverChart finds the highest version of a chart that its constraint admits.
// Everything that [Client.Discover] promises of an image that is selected by
// semver holds for it, with versions for tags.
func (c *Client) DiscoverChart(ctx context.Context, sub promote.ChartSubscription, previous promote.Chart, hadPrevious bool) (FoundChart, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	chart := promote.Chart{Repository: sub.Repository, Name: sub.Name}
	rule, err := newRule(promote.ImageSubscription{Select: promote.SelectSemver, Constraint: sub.Constraint})
	if err != nil {
		return FoundChart{}, ofChart(chart, &Error{Kind: Invalid, Detail: oneLine(err.Error())})
	}
	rule.names = versionName
	from, session, err := c.charts(sub.Repository, sub.Name)
	if err != nil {
		return FoundChart{}, ofChart(chart, err)
	}
	search := &search{origin: from, repository: sub.Repository, rule: rule}
	if hadPrevious && promote.NormaliseChart(previous.Repository) == sub.Repository {
		search.previous = promote.Image{Repository: sub.Repository, Tag: previous.Version, Digest: previous.Digest}
	}
	found, err := search.run(ctx)
	if err != nil {
		c.forget(session, err)
		return FoundChart{}, ofChart(chart, err)
	}
	chart.Version, chart.Digest = found.Image.Tag, found.Image.Digest
	return FoundChart{Chart: chart, OK: found.OK, Passed: found.Passed}, nil
}

// ResolveChart returns the chart of a version, for freight that is made by hand
// (F5). The error is an [*Error], of kind [NotFound] where there is no such version.
func (c *Client) ResolveChart(ctx context.Context, sub promote.ChartSubscription, version string) (promote.Chart, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	chart := promote.Chart{Repository: sub.Repository, Name: sub.Name, Version: version}
	from, session, err := c.charts(sub.Repository, sub.Name)
	if err == nil {
		chart.Digest, err = resolveChart(ctx, from, version)
	}
	if err != nil {
		c.forget(session, err)
		chart.Version = quoteName(version)
		return promote.Chart{}, ofChart(chart, err)
	}
	return chart, nil
}

func resolveChart(ctx context.Context, from charts, version string) (string, error) {
	versions, err := from.tags(ctx) // an index knows its versions by listing them
	switch {
	case err != nil:
		return "", err
	case !slices.Contains(versions, version):
		return "", &Error{Kind: NotFound, Detail: "there is no such version"}
	}
	digest, err := from.digest(ctx, version)
	if err != nil {
		return "", err
	}
	said, err := from.facts(ctx, digest, nil)
	if err == nil && said.reason != "" {
		err = &Error{Kind: Invalid, Detail: said.detail}
	}
	return digest, err
}

// Chart downloads the archive (a .tgz of at most 32 MiB) of exactly that chart,
// its digest verified. The bytes are shared: they must not be changed. The error
// is an [*Error]; where it is not [Error.Temporary], the chart is gone or is not
// what it was.
func (c *Client) Chart(ctx context.Context, chart promote.Chart) ([]byte, error) {
	chart.Repository, chart.Name = promote.NormaliseChart(chart.Repository), chart.KnownAs()
	key := c.archiveKey(chart.Repository, chart.Name, chart.Digest)
	known, _ := c.kept.get(key)
	if data, ok := known.([]byte); ok { // without a digest it would be the index
		return data, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	data, err := c.archive(ctx, chart)
	if err != nil {
		e := ofChart(chart, err)
		e.Detail = strings.TrimPrefix(e.Detail+"; "+waysOut[e.Kind], "; ")
		return nil, e
	}
	c.kept.put(key, data, len(data))
	return data, nil
}

func (c *Client) archiveKey(repository, name, digest string) keptKey {
	return keptKey{rights: c.rights, repository: repository, name: name, digest: digest}
}

func (c *Client) archive(ctx context.Context, chart promote.Chart) ([]byte, error) {
	if !digestName.MatchString(chart.Digest) {
		return nil, &Error{Kind: Invalid, Detail: quoteName(chart.Digest) + " is no digest"}
	}
	from, session, err := c.charts(chart.Repository, chart.Name)
	if err != nil {
		return nil, err
	}
	data, err := from.archive(ctx, chart.Version, chart.Digest)
	c.forget(session, err)
	return data, err
}

const promoteAnother = "put back exactly what was there, or promote freight with another version"

// waysOut say what to do about a chart that can not be downloaded.
var waysOut = map[Kind]string{
	Unavailable:  "it is tried again",
	RateLimited:  "it is tried again",
	Unauthorized: "whoever runs Towpath can set TOWPATH_REGISTRY_<NAME> to a login for its host, and TOWPATH_REGISTRY_<NAME>_FOR to the repository of the pipeline",
	NotFound:     promoteAnother,
	Malformed:    promoteAnother,
	Invalid:      "make the freight anew",
}

// ofChart says of an error which chart it is about.
func ofChart(chart promote.Chart, err error) *Error {
	e := *classify(chart.Repository, err)
	e.Repository = chart.Repository
	e.subject = "chart " + chart.Repository
	if !strings.HasPrefix(chart.Repository, "oci://") {
		e.subject += " " + chart.Name
	}
	e.subject = oneLine(strings.TrimSuffix(e.subject+" "+chart.Version, " "))
	return &e
}

// ociCharts is an OCI repository, whose tags are the versions of one chart with
// `_` for `+`, as Helm writes them.
type ociCharts struct{ *session }

func (o ociCharts) tags(ctx context.Context) ([]string, error) {
	tags, err := o.session.tags(ctx)
	for i, tag := range tags {
		if name := strings.ReplaceAll(tag, "_", "+"); isVersion(name) {
			tags[i] = name
		}
	}
	return tags, err
}

func isVersion(name string) bool {
	_, err := version(name)
	return err == nil
}

func (o ociCharts) digest(ctx context.Context, version string) (string, error) {
	return o.session.digest(ctx, strings.ReplaceAll(version, "+", "_"))
}

// facts only tells charts from other artifacts.
func (o ociCharts) facts(ctx context.Context, digest string, _ *v1.Platform) (facts, error) {
	return o.remember(factsKey{rights: o.rights, repository: o.repository.Name(), digest: digest, platform: "chart"}, func() (facts, error) {
		_, err := o.layer(ctx, digest)
		if no := (notAChart)(""); errors.As(err, &no) {
			return facts{reason: NotAChart, detail: no.Error()}, nil
		}
		return facts{}, err
	})
}

// notAChart says why something in an OCI repository is none.
type notAChart string

func (n notAChart) Error() string { return string(n) }

// The media types by which Helm knows its charts.
const (
	chartConfig       = "application/vnd.cncf.helm.config.v1+json"
	chartArchive      = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	chartArchiveOfOld = "application/tar+gzip"
)

// layer finds the archive of a chart in its manifest.
func (o ociCharts) layer(ctx context.Context, digest string) (v1.Descriptor, error) {
	described, err := o.puller.Get(ctx, o.session.repository.Digest(digest))
	if err != nil {
		return v1.Descriptor{}, err
	}
	if !described.MediaType.IsImage() {
		return v1.Descriptor{}, notAChart("it is no single artifact")
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(described.Manifest))
	if err != nil {
		return v1.Descriptor{}, o.malformed("the manifest can not be parsed")
	}
	if manifest.Config.MediaType != chartConfig {
		return v1.Descriptor{}, notAChart("the manifest has no chart's configuration")
	}
	var found []v1.Descriptor
	for _, layer := range manifest.Layers {
		if layer.MediaType == chartArchive || layer.MediaType == chartArchiveOfOld {
			found = append(found, layer)
		}
	}
	switch {
	case len(found) != 1:
		return v1.Descriptor{}, notAChart(fmt.Sprintf("it has %d archives", len(found)))
	case found[0].Size > maxArchive:
		return v1.Descriptor{}, o.malformed("the archive is larger than 32 MiB")
	}
	return found[0], nil
}

func (o ociCharts) archive(ctx context.Context, _, digest string) ([]byte, error) {
	layer, err := o.layer(ctx, digest)
	if no := (notAChart)(""); errors.As(err, &no) {
		return nil, o.malformed(no.Error())
	}
	if err != nil {
		return nil, err
	}
	blob, err := o.puller.Layer(withLimit(ctx, maxArchive), o.session.repository.Digest(layer.Digest.String()))
	if err != nil {
		return nil, err
	}
	body, err := blob.Compressed()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		e := classify(o.normalised, err)
		if e.Kind == Malformed && e.Detail == "" {
			e.Detail = "the archive is not what its digest says"
		}
		return nil, e
	}
	return data, nil
}
