# What there is to do in a clone; CONTRIBUTING.md says when. Needs Go and git.

bin := $(or $(TOWPATH_TOOLS),bin)

# Where things happen at once, and so what runs under the race detector: these
# packages whole, and of the stories those about doubled deliveries, lost races,
# restarts and the main line. All of them take three times as long and show the
# same code.
concurrent := ./internal/inbox ./internal/gitrepo ./internal/forge ./internal/githubtest ./internal/schedule ./internal/process ./internal/runner
stories := TestStories/(main-line|x01-run|s01-lanes|h03-several|l01-lost-race|p12-unfinished|w03-|p04-several|p05-push|d02-|f04-other)

.PHONY: demo test race lint generate bench clean

demo: ## the main job on loopback, until Ctrl-C
	go run ./cmd/bot demo

test: ## installs what the tests compare with, and runs them all
	@scripts/tools.sh || true
	go test -timeout 40m ./...

race: ## the packages in which things happen at once
	@scripts/tools.sh || true
	go test -race -count=1 $(concurrent)
	go test -race -count=1 -run '$(stories)' ./cmd/bot

lint: ## gofmt, go vet, staticcheck
	@scripts/tools.sh staticcheck
	@unformatted=$$(gofmt -l .) && if [ -n "$$unformatted" ]; then echo "gofmt -w" $$unformatted; exit 1; fi
	go vet ./...
	$(bin)/staticcheck ./...

generate: ## schema/ and docs/configuration.md, from the types that read the files
	go test ./internal/config -run Generated -update

bench: ## Towpath next to the shell pipeline that does the same, and what the ratios must be
	scripts/bench.sh

clean: ## the installed programs; not the Go caches
	rm -rf bin
