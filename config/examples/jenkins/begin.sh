#!/bin/sh
# First step of a build: points the slave at the snapshots of a view that is the build's own. Arguments go on to begin: --conf FILE …
#
# Put these scripts where `pinyon-client install` puts the client: on the slave, outside what builds check out. The configuration:
#   PINYON_SERVER  the server, unless the installed client knows it; PINYON_TTL  how long a build can last (12h)
#   PINYON_CLIENT  the installed client (/usr/local/sbin/pinyon-client); PINYON_ROOT  another root than /
set -eu
view=$(printf %s "${BUILD_TAG:?}" | tr -c 'A-Za-z0-9._-' '-' | cut -c 1-128)
client=${PINYON_CLIENT:-/usr/local/sbin/pinyon-client}
set -- begin --root "${PINYON_ROOT:-/}" --view "$view" --ttl "${PINYON_TTL:-12h}" "$@"
[ -z "${PINYON_SERVER:-}" ] || set -- "$@" --server "$PINYON_SERVER"
if [ "$(id -u)" = 0 ]; then exec "$client" "$@"; else exec sudo -n "$client" "$@"; fi
