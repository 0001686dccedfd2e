// Package forge is everything the product says to GitHub's REST API and hears
// from it: tokens of the App, pull requests, check runs, comments, results,
// rights and redeliveries.
//
// It knows how GitHub wants to be treated: who signs a request, how fast writes
// may follow each other, what an answer about a limit means, which requests may
// be sent twice, and how to find what a lost answer may have made. It is the
// only importer of go-github; its own small types are what the rest sees.
//
// It does not know what a promotion is, decides nothing, and never speaks git.
// What GitHub answers is passed on as it came: names, titles and bodies are
// other people's text. Secrets are the exception: an answer or an error that
// repeats the credential it was asked with comes out without it.
//
// All methods may be called by several goroutines at once. Commits are named by
// 40 hex digits, repositories by owner/name.
package forge
