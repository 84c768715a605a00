#!/bin/sh
# Only when the build has succeeded: the slave stays as it is now. It fails when there is nothing left to commit, after PINYON_TTL say.
set -eu
view=$(printf %s "${BUILD_TAG:?}" | tr -c 'A-Za-z0-9._-' '-' | cut -c 1-128)
client=${PINYON_CLIENT:-/usr/local/sbin/pinyon-client}
set -- commit --root "${PINYON_ROOT:-/}" --view "$view"
if [ "$(id -u)" = 0 ]; then exec "$client" "$@"; else exec sudo -n "$client" "$@"; fi
