#!/bin/sh
# Installs the programs that the tests compare with or try things on, unless they
# are there: kustomize and helm in the versions that the product's own modules
# pair with (kustomize v5.8.2 is built on api and kyaml v0.21.2), Debian's
# docker-registry and graphviz, act and actionlint, and on request staticcheck.
#
#	scripts/tools.sh [kustomize|helm|docker-registry|graphviz|act|actionlint|staticcheck]...
#
# Without arguments: the first six, which `make test` uses. The Go programs go
# to $TOWPATH_TOOLS, or to bin/ of the clone. What can not be installed is named
# at the end, and the exit code is 1: the tests that need it skip themselves.
set -eu

kustomize=v5.8.2
helm=v3.22.0
staticcheck=v0.8.2
act=v0.2.89
actionlint=v1.7.12

root=$(cd "$(dirname "$0")/.." && pwd)
bin=${TOWPATH_TOOLS:-$root/bin}
mkdir -p "$bin"

# has NAME MODULE VERSION: the program is in bin, in this version.
has() {
	[ -x "$bin/$1" ] && go version -m "$bin/$1" | grep -q "mod[[:space:]]$2[[:space:]]$3"
}

# get NAME MODULE PACKAGE VERSION [LDFLAGS]
get() {
	has "$1" "$2" "$4" && return
	echo "installing $1 $4"
	# `go install path@version` looks at no go.mod, and outside of the clone at no
	# toolchain line of ours.
	(cd "$bin" && GOBIN=$bin go install -ldflags "${5:-}" "$3@$4")
}

# What a released helm is told by its Makefile and a plain `go install` leaves
# out: its own version, and the Kubernetes version, which follows client-go
# (v0.X.Y is 1.X; the module alone would assume 1.20).
helm_flags() {
	minor=$(cd "$root" && go list -m -f '{{.Version}}' k8s.io/client-go | cut -d. -f2)
	printf '%s' "-X helm.sh/helm/v3/internal/version.version=$helm"
	for package in chartutil lint/rules; do
		printf ' %s' "-X helm.sh/helm/v3/pkg/$package.k8sVersionMajor=1" "-X helm.sh/helm/v3/pkg/$package.k8sVersionMinor=$minor"
	done
}

# debian PACKAGE PROGRAM
debian() {
	command -v "$2" >/dev/null && return
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	echo "installing $1 from the distribution's packages"
	apt="apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60"
	log=$(mktemp)
	# RUNLEVEL=1: the tests start it themselves, it need not become a service.
	if { $apt update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive $apt install -y --no-install-recommends "$1"; } >"$log" 2>&1; then
		rm -f "$log"
		return
	fi
	tail -n 5 "$log" >&2
	rm -f "$log"
	return 1
}

install_tool() {
	case $1 in
	kustomize) get kustomize sigs.k8s.io/kustomize/kustomize/v5 sigs.k8s.io/kustomize/kustomize/v5 "$kustomize" ;;
	helm) get helm helm.sh/helm/v3 helm.sh/helm/v3/cmd/helm "$helm" "$(helm_flags)" ;;
	act) get act github.com/nektos/act github.com/nektos/act "$act" ;;
	actionlint) get actionlint github.com/rhysd/actionlint github.com/rhysd/actionlint/cmd/actionlint "$actionlint" ;;
	staticcheck) get staticcheck honnef.co/go/tools honnef.co/go/tools/cmd/staticcheck "$staticcheck" ;;
	docker-registry) debian docker-registry docker-registry ;;
	graphviz) debian graphviz dot ;;
	*)
		echo "tools.sh: nothing is known of $1" >&2
		exit 2
		;;
	esac
}

[ $# -gt 0 ] || set -- kustomize helm docker-registry graphviz act actionlint
missing=
for tool; do
	install_tool "$tool" || missing="$missing $tool"
done
[ -z "$missing" ] && exit
{
	echo "************************************************************"
	echo "NOT INSTALLED:$missing"
	echo "Tests that need them are SKIPPED; the others run."
	echo "************************************************************"
} >&2
exit 1
