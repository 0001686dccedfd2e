#!/bin/sh
# One promotion as people write it into a workflow: clone, set the image, build,
# commit, push. Manifests that live on a branch of their own are committed from a
# second work tree, which is the fastest that a shell can have.
set -eu
# shellcheck disable=SC2086 # several options or folders in one variable
git clone --quiet $CLONE "$URL" source
cd source
case $CLONE in *--sparse*) git sparse-checkout set $FOLDERS ;; esac
(cd "$APP/overlays/$OVERLAY" && kustomize edit set image "$IMAGE@$DIGEST")
out=.
if [ "$TARGET" != main ]; then
	git rev-parse --quiet --verify "origin/$TARGET" >/dev/null ||
		git fetch --quiet --depth 1 origin "$TARGET:refs/remotes/origin/$TARGET"
	git worktree add --quiet --detach ../stage "origin/$TARGET"
	out=../stage
fi
mkdir -p "$out/$OUTPUT"
kustomize build "$APP/overlays/$OVERLAY" >"$out/$OUTPUT/all.yaml"
cd "$out"
git add "$OUTPUT"
git commit --quiet --message "Promote $IMAGE@$DIGEST"
git push --quiet origin "HEAD:refs/heads/$BRANCH"
