#!/bin/sh
# Builds the RPM of this checkout: sh config/rpm/build.sh [DIRECTORY], by default into dist/. Needs npm and rpmbuild, and no network.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$root/dist}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$root"
npm pack --silent --pack-destination "$work" > /dev/null
version=$(node -p 'require("./package.json").version')

# What npm installs for production; of machine code only this machine's.
node -e '
  const { packages } = require("./package-lock.json")
  const isNeeded = ([path, { dev, optional, devOptional }]) => path !== "" && !dev && !optional && !devOptional
  for (const [path] of Object.entries(packages).filter(isNeeded)) console.log(path)
' > "$work/packages"
while read -r path; do
  [ -e "$path/package.json" ] || {
    echo "config/rpm/build.sh: $path is not there: run npm ci first" >&2
    exit 1
  }
done < "$work/packages"
case $(uname -m) in aarch64) other=x64 ;; *) other=arm64 ;; esac
tar czhf "$work/node_modules.tar.gz" --exclude="*-$other.node" --exclude='darwin-*' --exclude='win32-*' \
  --exclude='linuxmusl-*' --exclude='*.map' -T "$work/packages"

# What people read, and what the documents link to where it stands in a checkout; npm packs none of it.
find bench -type f ! -path 'bench/results/*' -o -path 'bench/results/reference.*' > "$work/bench"
tar czf "$work/documents.tar.gz" README.md CHANGELOG.md ARCHITECTURE.md CONTRIBUTING.md LICENSE Dockerfile docs \
  config/compose.yaml config/kubernetes config/rpm config/systemd -T "$work/bench"

rpmbuild -bb --quiet --define "_topdir $work/rpmbuild" --define "_sourcedir $work" --define "_rpmdir $work/rpms" \
  --define "pinyon_version $version" config/rpm/pinyon.spec
mkdir -p "$out"
cp "$work"/rpms/*/pinyon-"$version"-*.rpm "$out/"
ls "$out"/pinyon-"$version"-*.rpm
