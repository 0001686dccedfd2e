#!/usr/bin/env bash
# Runs the program of the action on its inputs, which are variables (INPUT_…): no
# shell reads what people wrote. The program is that of the release whose sums are
# in scripts/action.sums, or built from the source beside this file where there is
# none for this machine, or none can be had. One that does not fit its sum is an error.
set -euo pipefail

source=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sums=$source/scripts/action.sums
keep=${RUNNER_TEMP:?is where the runner keeps what goes with the job}/towpath-$(printf %s "$source" | cksum | cut -d' ' -f1)
mkdir -p "$keep"

case ${RUNNER_OS:-$(uname -s)} in
Windows | MINGW*) os=windows suffix=.exe ;;
macOS | Darwin) os=darwin suffix= ;;
*) os=linux suffix= ;;
esac
case ${RUNNER_ARCH:-$(uname -m)} in
ARM64 | arm64 | aarch64) arch=arm64 ;;
*) arch=amd64 ;;
esac
program=$keep/towpath-action$suffix

sha256() {
	if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d' ' -f1
}

# Lines of the sums are: sum, name, address.
fetch() {
	local sum name address
	[ -f "$sums" ] || return 1
	while read -r sum name address; do
		[ "$name" = "towpath-action-$os-$arch$suffix" ] || continue
		if ! curl --fail --silent --show-error --location --retry 3 --output "$program.new" "$address"; then
			echo "Towpath: $address can not be had; building from source." >&2
			return 1
		fi
		if [ "$(sha256 "$program.new")" != "$sum" ]; then
			rm -f "$program.new"
			echo "::error::Towpath: $address is not what scripts/action.sums says it is; nothing of it was run." >&2
			exit 1
		fi
		chmod +x "$program.new"
		mv "$program.new" "$program"
		return 0
	done <"$sums"
	return 1
}

build() {
	if ! command -v go >/dev/null; then
		echo "::error::Towpath: there is no release of the program for $os/$arch, and no Go to build it with: add actions/setup-go before this step." >&2
		exit 1
	fi
	echo "Towpath: building from source." >&2
	(cd "$source" && CGO_ENABLED=0 go build -trimpath -o "$program" ./cmd/action)
}

[ -x "$program" ] || fetch || build
exec "$program" workflow
