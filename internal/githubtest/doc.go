// Package githubtest is a GitHub for tests and for the demo: an HTTP server
// whose store is real bare git repositories, served over smart HTTP by `git
// http-backend`, with the REST calls that Towpath uses, signed webhooks, and
// plain pages to look at. Whatever is git's business is decided by the git
// program, so the stand-in obeys git's rules by itself; everything else is kept
// in memory and is gone with the process.
//
// It knows what GitHub answers, sends and refuses. It knows nothing of
// promotion, executes no workflow, holds no container image (a package is
// announced, not stored), and has no GraphQL and of forks only pull requests.
//
// The address is that of a GitHub Enterprise Server: pages and git at the root,
// REST under /api/v3. Time is a value (Config.Clock); nothing happens by itself
// when it passes. Requests and deliveries can be made to fail (Fail,
// FailDelivery), and every delivery is recorded and can be asked for again.
//
// # Playground
//
// With Config.Playground the acts of people are open to everybody who can reach
// the address, as POST /_towpath/{act} with a JSON body; each answers what the
// method of that name returns, as JSON. Fields are the parameters of the
// method:
//
//	push           {"repo", "branch", "message", "by", "files": {"path": "content" or null}}
//	branch         {"repo", "branch", "commit", "by"}
//	pull           {"repo", "head", "base", "title", "body", "by"}
//	issue          {"repo", "title", "body", "by"}
//	merge          {"repo", "number", "method", "by"}
//	close, reopen  {"repo", "number", "by"}
//	comment        {"repo", "number", "by", "body"}
//	review         {"repo", "number", "by", "state"}
//	status         {"repo", "sha", "context", "state", "by"}
//	check          {"repo", "sha", "name", "conclusion", "app"}
//	deployment     {"repo", "sha", "environment", "state", "by"}
//	run            {"repo", "workflow", "sha", "conclusion", "by"}
//	finish         {"repo", "run", "conclusion", "jobs": {"name": "conclusion"}}
//	package        {"owner", "name", "tag", "digest", "repo", "by"}
//	permission     {"repo", "login", "role"}
//	team           {"org", "team", "login"}
//	protect        {"repo", "branch", "approvals", "checks", "strict"}
//
// A sha may be a branch's name.
//
//	curl -d '{"repo":"acme/guestbook","number":1,"by":"octo"}' http://127.0.0.1:PORT/_towpath/merge
package githubtest
