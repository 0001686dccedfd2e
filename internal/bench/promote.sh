#!/bin/sh
# One promotion as people write it into a workflow: clone, set the image, build,
# commit, push. The folder of the manifests is on the branch that is cloned, so
# that one clone is enough, which is the fastest that a shell can have.
set -eu
# shellcheck disable=SC2086 # several options in one variable
git clone --quiet $CLONE "$URL" work
cd work
case $CLONE in *--sparse*) git sparse-checkout set "$APP" "$OUTPUT" ;; esac
(cd "$APP/overlays/test" && kustomize edit set image "$IMAGE@$DIGEST")
mkdir -p "$OUTPUT"
kustomize build "$APP/overlays/test" >"$OUTPUT/all.yaml"
git add "$OUTPUT"
git commit --quiet --message "Promote $IMAGE@$DIGEST"
git push --quiet origin "HEAD:refs/heads/$BRANCH"
