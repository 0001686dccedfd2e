// Package registry asks container registries what they hold: which tags an
// image repository has, what a tag points at, and what an image says of itself.
//
// It knows how a subscription picks among tags ([Client.Discover]), and that a
// registry is another party's machine: names are checked, answers are bounded,
// and one broken image is passed over while a registry that is down is an
// [Error] with a [Kind]. Nothing that a registry answers, and no credential,
// reaches the text of an error; codes, hosts and reasons of our own do.
//
// It does not know freight, pipelines or the ledger, keeps nothing on disk, and
// never decides that something is promoted. What was selected last is handed in.
//
// # Requests
//
// With a warm client, semver and lexical selections cost one listing and one
// HEAD, a digest selection one HEAD, and a newest-build selection one listing
// and one HEAD per admitted tag. Manifests and configurations are read once per
// digest, which never changes, and remembered.
//
// # Credentials
//
// A [Credential] is used for its own host and repositories only; the usual Docker
// configuration, where switched on, comes after. go-containerregistry sends a
// user name and password to the registry itself or, where the registry answers
// with a bearer challenge, to the token endpoint that it names: over HTTPS, or in
// plain HTTP to a host that may be spoken to so, and to a private address only if
// that is the registry's own. The token goes to the registry and to nobody else:
// a redirect to another host carries no authorisation, and a next page on
// another host is refused.
//
// Plain HTTP is spoken to loopback and private addresses after HTTPS was tried,
// and to the hosts in [Config.Insecure]; a redirect or token endpoint that leads
// any other host to plain HTTP is refused.
package registry
