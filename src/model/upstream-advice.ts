import type { ErrorCode } from './errors.ts'

const ADVICE: Partial<Record<ErrorCode, string>> = {
  REPODATA_MALFORMED:
    'its baseurl must be the directory that holds repodata/: a page of a log-in or a listing is none',
  UPSTREAM_PAGE:
    'its baseurl must be the directory that holds repodata/: a page of a log-in or a listing is none',
  UPSTREAM_GONE: 'its baseurl must be the directory that holds repodata/',
  UPSTREAM_TIMEOUT: 'is there a firewall in between, or a proxy that is needed (proxy:)?',
  UPSTREAM_UNREACHABLE: 'is the name right, does DNS know it, is there a proxy that is needed (proxy:)?',
}

/** What helps when a mirror's upstream has failed in this way; undefined where its error says all there is to say. */
export function adviseOnUpstream(code: ErrorCode): string | undefined {
  return ADVICE[code]
}
