package githubtest

// routes lists the REST operations that are served. Those with a wildcard over
// the rest of the path take names with slashes, as GitHub does.
func (s *Server) routes() []route {
	const r = "/repos/{owner}/{repo}"
	return []route{
		{"GET /app", theApp, getApp},
		{"GET /app/installations", theApp, listInstallations},
		{"POST /app/installations/{id}/access_tokens", theApp, createInstallationToken},
		{"GET /app/hook/deliveries", theApp, listDeliveries},
		{"GET /app/hook/deliveries/{id}", theApp, getDelivery},
		{"POST /app/hook/deliveries/{id}/attempts", theApp, redeliver},
		{"GET /installation/repositories", theInst, listInstallationRepos},
		{"GET /user", someone, getUser},
		{"GET /user/repos", someone, listUserRepos},
		{"GET /rate_limit", anyone, getRateLimit},
		{"GET /orgs/{org}/teams/{team}/memberships/{login}", someone, getTeamMembership},

		{"GET /repositories/{id}", anyone, getRepoByID},
		{"GET " + r, reader, getRepo},
		{"GET " + r + "/installation", theApp, getRepoInstallation},
		{"GET " + r + "/collaborators/{login}/permission", writer, getPermission},
		{"GET " + r + "/branches/{branch...}", reader, getBranch},
		{"GET " + r + "/git/ref/{ref...}", reader, getRef},
		{"GET " + r + "/git/matching-refs/{ref...}", reader, listMatchingRefs},
		{"GET " + r + "/contents/{path...}", reader, getContents},
		{"GET " + r + "/compare/{basehead...}", reader, compareCommits},
		{"GET " + r + "/commits", reader, listCommits},
		{"GET " + r + "/commits/{ref...}", reader, getCommitOrFacts},
		{"POST " + r + "/dispatches", writer, dispatchRepository},

		{"GET " + r + "/pulls", reader, listPulls},
		{"POST " + r + "/pulls", speaker, createPull},
		{"GET " + r + "/pulls/{number}", reader, getPull},
		{"PATCH " + r + "/pulls/{number}", writer, updatePull},
		{"GET " + r + "/pulls/{number}/files", reader, listPullFiles},
		{"GET " + r + "/pulls/{number}/reviews", reader, listReviews},
		{"PUT " + r + "/pulls/{number}/merge", writer, mergePull},

		{"GET " + r + "/issues", reader, listIssues},
		{"POST " + r + "/issues", speaker, createIssue},
		{"GET " + r + "/issues/{number}", reader, getIssue},
		{"PATCH " + r + "/issues/{number}", writer, updateIssue},
		{"GET " + r + "/issues/comments", reader, listRepoComments},
		{"GET " + r + "/issues/{first}/{second}", reader, getCommentOrList},
		{"POST " + r + "/issues/{number}/comments", speaker, createComment},
		{"PATCH " + r + "/issues/comments/{id}", speaker, updateComment},
		{"DELETE " + r + "/issues/comments/{id}", speaker, deleteComment},
		{"GET " + r + "/issues/comments/{id}/reactions", reader, listReactions},
		{"POST " + r + "/issues/comments/{id}/reactions", speaker, createReaction},
		{"DELETE " + r + "/issues/comments/{id}/reactions/{reaction}", speaker, deleteReaction},
		{"POST " + r + "/issues/{number}/labels", writer, addLabels},
		{"DELETE " + r + "/issues/{number}/labels/{name}", writer, removeLabel},

		{"POST " + r + "/check-runs", instHere, createCheckRun},
		{"GET " + r + "/check-runs/{id}", reader, getCheckRun},
		{"PATCH " + r + "/check-runs/{id}", instHere, updateCheckRun},
		{"POST " + r + "/statuses/{sha}", writer, createStatus},
		{"GET " + r + "/deployments", reader, listDeployments},
		{"GET " + r + "/deployments/{id}/statuses", reader, listDeploymentStatuses},
		{"GET " + r + "/actions/runs", reader, listRuns},
		{"GET " + r + "/actions/runs/{id}", reader, getRun},
		{"GET " + r + "/actions/runs/{id}/jobs", reader, listJobs},
		{"POST " + r + "/actions/workflows/{workflow}/dispatches", writer, dispatchWorkflow},
	}
}
