#!/bin/sh
# Last step of every build: gives the slave back as it was, unless the build has committed. What another build has begun is left alone.
# First the copy of the client that begin made is asked: the build may have changed the installed one.
set -eu
view=$(printf %s "${BUILD_TAG:?}" | tr -c 'A-Za-z0-9._-' '-' | cut -c 1-128)
client=${PINYON_CLIENT:-/usr/local/sbin/pinyon-client}
root=${PINYON_ROOT:-/}
# shellcheck disable=SC2016
undo='copy=$1 client=$2; shift 2
if test -e "$copy" && sh "$copy" rollback "$@"; then exit; else exec "$client" rollback "$@"; fi'
set -- sh -c "$undo" sh "${root%/}/var/lib/pinyon/open/client.sh" "$client" --root "$root" --view "$view"
if [ "$(id -u)" = 0 ]; then exec "$@"; else exec sudo -n "$@"; fi
