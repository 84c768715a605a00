#!/bin/sh
# Makes the repository that the shipped configuration serves: six tiny packages and their repodata, the same bytes every time.
# Usage: make-sample-repository.sh [DIRECTORY]      (default: sample/ beside this script; what is there is replaced)
# Needs rpmbuild and createrepo_c. Each package is one small text file: no scriptlets, no file dependencies, any architecture.
set -eu

# 2024-01-01T00:00:00Z, the time of everything in the repository.
SOURCE_DATE_EPOCH=1704067200
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-$here/sample}

for tool in rpmbuild createrepo_c; do
  command -v "$tool" >/dev/null || {
    echo "$0: $tool is missing" >&2
    exit 1
  }
done

if [ -e "$target" ] && [ ! -e "$target/repodata/repomd.xml" ]; then
  echo "$0: will not replace what is no repository: $target" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# build NAME VERSION SUMMARY [REQUIRES]
build() {
  spec=$work/$1-$2.spec
  cat >"$spec" <<SPEC
Name: $1
Version: $2
Release: 1
Summary: $3
License: Apache-2.0
BuildArch: noarch
AutoReqProv: no
${4:+Requires: $4}

%description
$3. Part of the sample repository of pinyon.

%install
mkdir -p %{buildroot}/opt/pinyon-sample
echo '$1 $2: $3' >%{buildroot}/opt/pinyon-sample/$1

%files
/opt/pinyon-sample/$1

%changelog
* Mon Jan 01 2024 pinyon <pinyon@example.org> - $2-1
- $3
SPEC
  rpmbuild -bb --quiet --noclean \
    --define "_topdir $work/build" \
    --define "_rpmdir $work/rpms" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
    --define '_buildhost sample.pinyon.example.org' \
    --define '_build_id_links none' \
    --define '__gpg_reserved_space 0' \
    --define '_binary_payload w9.gzdio' \
    --define 'use_source_date_epoch_as_buildtime 1' \
    --define 'clamp_mtime_to_source_date_epoch 1' \
    --define 'source_date_epoch_from_changelog 0' \
    --define 'debug_package %{nil}' \
    --define '__os_install_post %{nil}' \
    --define '_host_os linux' \
    --define '_target_os linux' \
    --define '_host_cpu x86_64' \
    "$spec"
}

build pinyon-hello 1.0 'Says hello' 'pinyon-greeting-data >= 1'
build pinyon-hello 1.1 'Says hello, politely' 'pinyon-greeting-data >= 1.1'
build pinyon-greeting-data 1.0 'The greetings'
build pinyon-greeting-data 1.1 'The greetings, with manners'
build pinyon-c++-tools 2.0 'A name with plus signs, for clients that escape them'
build pinyon-tilde '3.0~rc1' 'A version with a tilde, for clients that escape it'

mkdir "$work/sample" "$work/sample/Packages"
mv "$work"/rpms/*.rpm "$work/sample/Packages/"
touch -d "@$SOURCE_DATE_EPOCH" "$work"/sample/Packages/*.rpm
createrepo_c --quiet --no-database --compress-type=gz --general-compress-type=gz \
  --revision="$SOURCE_DATE_EPOCH" --set-timestamp-to-revision --workers=1 "$work/sample"

rm -rf "$target"
mkdir -p "$(dirname -- "$target")"
cp -R "$work/sample" "$target"
