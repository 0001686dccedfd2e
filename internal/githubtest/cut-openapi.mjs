// Cuts GitHub's published descriptions down to what this stand-in serves, so
// that they are small enough to commit and quick enough to load in each test:
//
//   testdata/github/api.github.com.cut.json.gz  the operations listed below and
//                                               the schemas they refer to
//   testdata/github/webhooks.cut.json.gz        the schema of each event we send
//
// Usage: npm install --prefix DIR @octokit/openapi @octokit/webhooks-schemas
//        node cut-openapi.mjs DIR/node_modules ../../testdata/github
//
// The version of each source is kept in the cut file under "x-source". Examples
// are dropped, and so is prose: the judge looks at shapes only.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [modules, out] = process.argv.slice(2);
if (!modules || !out) {
  console.error("usage: node cut-openapi.mjs NODE_MODULES OUT_DIR");
  process.exit(2);
}

const operations = `
GET   /app
GET   /app/hook/deliveries
GET   /app/hook/deliveries/{delivery_id}
POST  /app/hook/deliveries/{delivery_id}/attempts
GET   /app/installations
POST  /app/installations/{installation_id}/access_tokens
GET   /installation/repositories
GET   /orgs/{org}/teams/{team_slug}/memberships/{username}
GET   /rate_limit
GET   /repos/{owner}/{repo}
GET   /repos/{owner}/{repo}/actions/runs
GET   /repos/{owner}/{repo}/actions/runs/{run_id}
GET   /repos/{owner}/{repo}/actions/runs/{run_id}/jobs
POST  /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches
GET   /repos/{owner}/{repo}/branches/{branch}
POST  /repos/{owner}/{repo}/check-runs
GET   /repos/{owner}/{repo}/check-runs/{check_run_id}
PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}
GET   /repos/{owner}/{repo}/collaborators/{username}/permission
GET   /repos/{owner}/{repo}/commits
GET   /repos/{owner}/{repo}/commits/{commit_sha}/pulls
GET   /repos/{owner}/{repo}/commits/{ref}
GET   /repos/{owner}/{repo}/commits/{ref}/check-runs
GET   /repos/{owner}/{repo}/commits/{ref}/check-suites
GET   /repos/{owner}/{repo}/commits/{ref}/status
GET   /repos/{owner}/{repo}/commits/{ref}/statuses
GET   /repos/{owner}/{repo}/compare/{basehead}
GET   /repos/{owner}/{repo}/contents/{path}
GET   /repos/{owner}/{repo}/deployments
GET   /repos/{owner}/{repo}/deployments/{deployment_id}/statuses
POST  /repos/{owner}/{repo}/dispatches
GET   /repos/{owner}/{repo}/git/matching-refs/{ref}
GET   /repos/{owner}/{repo}/git/ref/{ref}
GET   /repos/{owner}/{repo}/installation
GET   /repos/{owner}/{repo}/issues
POST  /repos/{owner}/{repo}/issues
GET   /repos/{owner}/{repo}/issues/comments
GET   /repos/{owner}/{repo}/issues/comments/{comment_id}
PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}
DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}
GET   /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
POST  /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions
DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}
GET   /repos/{owner}/{repo}/issues/{issue_number}
PATCH /repos/{owner}/{repo}/issues/{issue_number}
GET   /repos/{owner}/{repo}/issues/{issue_number}/comments
POST  /repos/{owner}/{repo}/issues/{issue_number}/comments
POST  /repos/{owner}/{repo}/issues/{issue_number}/labels
DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}
GET   /repos/{owner}/{repo}/pulls
POST  /repos/{owner}/{repo}/pulls
GET   /repos/{owner}/{repo}/pulls/{pull_number}
PATCH /repos/{owner}/{repo}/pulls/{pull_number}
GET   /repos/{owner}/{repo}/pulls/{pull_number}/files
PUT   /repos/{owner}/{repo}/pulls/{pull_number}/merge
GET   /repos/{owner}/{repo}/pulls/{pull_number}/reviews
POST  /repos/{owner}/{repo}/statuses/{sha}
GET   /user
GET   /user/repos
`.trim().split("\n").map((line) => line.trim().split(/\s+/));

const events = [
  "check_run$completed", "check_suite$completed", "deployment_status$created",
  "installation$created", "installation_repositories$added", "issue_comment$created", "issue_comment$deleted",
  "issue_comment$edited", "issues$opened", "package$published",
  "ping$event", "pull_request$closed", "pull_request$opened", "pull_request$reopened",
  "pull_request$synchronize", "pull_request_review$submitted", "push$event",
  "registry_package$published", "repository_dispatch$event", "status$event", "workflow_run$completed",
];

const read = (...path) => JSON.parse(readFileSync(join(modules, ...path), "utf8"));
const version = (name) => `npm ${name}@${read(name, "package.json").version}`;
const write = (name, value) => {
  const bytes = gzipSync(JSON.stringify(value), { level: 9 });
  writeFileSync(join(out, name), bytes);
  console.log(name, bytes.length, "bytes");
};

// prune copies a value without prose and examples. Inside "properties" the
// keys are names of fields, so nothing is dropped there.
const prose = new Set(["description", "summary", "example", "examples", "externalDocs", "x-github"]);
function prune(value, names = false) {
  if (Array.isArray(value)) return value.map((v) => prune(v));
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const [key, v] of Object.entries(value)) {
    if (!names && prose.has(key)) continue;
    copy[key] = prune(v, !names && ["properties", "schemas", "responses", "definitions"].includes(key));
  }
  return copy;
}

// reach adds to `found` each "#/…" reference below value, transitively.
function reach(root, value, found) {
  if (value === null || typeof value !== "object") return;
  if (typeof value.$ref === "string" && !found.has(value.$ref)) {
    found.add(value.$ref);
    const target = value.$ref.slice(2).split("/").reduce((at, key) => at[key], root);
    reach(root, target, found);
  }
  for (const v of Object.values(value)) reach(root, v, found);
}

function cutOpenAPI() {
  const source = read("@octokit/openapi", "generated", "api.github.com.json");
  const paths = {};
  for (const [method, path] of operations) {
    const operation = source.paths[path]?.[method.toLowerCase()];
    if (!operation) throw new Error(`no operation ${method} ${path}`);
    (paths[path] ??= {})[method.toLowerCase()] = operation;
  }
  const clean = prune(paths);
  // OpenAPI wants a description in each response.
  for (const item of Object.values(clean))
    for (const op of Object.values(item))
      for (const r of Object.values(op.responses)) if (!r.$ref) r.description = "";
  const root = { components: prune(source.components) };
  const refs = new Set();
  reach(root, clean, refs);
  const components = {};
  for (const ref of [...refs].sort()) {
    const [, kind, name] = ref.slice(2).split("/");
    const part = root.components[kind][name];
    if (kind === "responses") part.description = "";
    (components[kind] ??= {})[name] = part;
  }
  return {
    openapi: source.openapi,
    info: { title: source.info.title, version: source.info.version },
    "x-source": version("@octokit/openapi"),
    paths: clean,
    components,
  };
}

function cutWebhooks() {
  const source = prune(read("@octokit/webhooks-schemas", "schema.json"));
  const wanted = new Set();
  for (const name of events) {
    if (!source.definitions[name]) throw new Error(`no event ${name}`);
    wanted.add(`#/definitions/${name}`);
    reach(source, source.definitions[name], wanted);
  }
  const definitions = {};
  for (const ref of [...wanted].sort()) {
    const name = ref.slice("#/definitions/".length);
    definitions[name] = source.definitions[name];
  }
  return { $schema: source.$schema, "x-source": version("@octokit/webhooks-schemas"), definitions };
}

write("api.github.com.cut.json.gz", cutOpenAPI());
write("webhooks.cut.json.gz", cutWebhooks());
