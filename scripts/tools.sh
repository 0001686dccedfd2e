#!/bin/sh
# Installs the command lines that the tests compare with, in the versions that
# the product's own modules pair with: kustomize v5.8.2 is built on api and
# kyaml v0.21.2. They go to $TOWPATH_TOOLS, or to bin/ of the clone.
set -eu

kustomize=v5.8.2
helm=v3.22.0

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${TOWPATH_TOOLS:-$root/bin}
mkdir -p "$bin"

# What a released helm is told by its Makefile and a plain `go install` leaves
# out: its own version, and the Kubernetes version, which follows client-go
# (v0.X.Y is 1.X; the module alone would assume 1.20).
minor=$(cd "$root" && go list -m -f '{{.Version}}' k8s.io/client-go | cut -d. -f2)
told="-X helm.sh/helm/v3/internal/version.version=$helm"
for package in chartutil lint/rules; do
	told="$told -X helm.sh/helm/v3/pkg/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$package.k8sVersionMinor=$minor"
done

has() {
	[ -x "$bin/$1" ] && go version -m "$bin/$1" | grep -q "mod[[:space:]]$2[[:space:]]$3"
}

cd "$bin" # `go install path@version` looks at no go.mod, and at no toolchain line of ours
has kustomize sigs.k8s.io/kustomize/kustomize/v5 "$kustomize" ||
	GOBIN=$bin go install "sigs.k8s.io/kustomize/kustomize/v5@$kustomize"
has helm helm.sh/helm/v3 "$helm" ||
	GOBIN=$bin go install -ldflags "$told" "helm.sh/helm/v3/cmd/helm@$helm"
