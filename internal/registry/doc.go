// Package registry asks container registries what they hold: which tags an
// image repository has, what a tag points at, and what an image says of itself.
// Of Helm charts, in OCI repositories or behind an index.yaml, it also downloads
// the archives.
//
// It knows how a subscription picks among tags ([Client.Discover]) and versions
// ([Client.DiscoverChart]), and that a registry is another party's machine: names
// are checked, answers are bounded, and one broken image is passed over while a
// registry that is down is an [Error] with a [Kind]. Nothing that a registry
// answers, and no credential, reaches the text of an error; codes, hosts and
// reasons of our own do.
//
// It does not know freight, pipelines, the ledger or what is in a chart, keeps
// nothing on disk, and never decides that something is promoted. What was
// selected last is handed in.
//
// # Requests
//
// With a warm client, semver and lexical selections cost one listing and one
// HEAD, a digest selection one HEAD, and a newest-build selection one listing
// and one HEAD per admitted tag. Manifests and configurations are read once per
// digest, which never changes, and remembered. A chart costs what an image by
// semver does, or one answer of an index that says that it has not changed; 64 MiB
// of archives and indexes are remembered, what was used last.
//
// # Credentials
//
// A [Credential] is used for its own host and repositories only, and for the
// pipelines of the repositories that it is bound to ([Client.For]); the usual
// Docker configuration, likewise bound, comes after. go-containerregistry sends a
// user name and password to the registry itself or, where the registry answers
// with a bearer challenge, to the token endpoint that it names: over HTTPS, or in
// plain HTTP to a host that may be spoken to so, and to a private address only if
// that is the registry's own. The token goes to the registry and to nobody else:
// a redirect to another host carries no authorisation, and a next page on
// another host is refused. The server of an index gets user name and password
// itself, over HTTPS only, and so does one that it names for an archive, each only
// by a credential for its own host and path. Indexes and archives come over HTTPS
// from public addresses, which is checked of what a name resolves to when it is
// connected to, or from the hosts in [Config.ChartHosts]; an archive of another host
// from one that anybody could name. Through a proxy the name is all that is checked.
//
// Registries may be at any address. Plain HTTP is spoken to those on loopback and
// private addresses after HTTPS was tried, and to [Config.Insecure]; a redirect or
// token endpoint that leads any other host to plain HTTP is refused.
package registry
