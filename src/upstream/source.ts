import { encodeHref } from './encode-href.ts'
import { getFile } from './file-source.ts'
import { getHttp, type HttpOptions } from './http-source.ts'
import type { UpstreamReply, UpstreamRequest } from './upstream.ts'

/** One attempt at one file of one base URL, by the URL's scheme. */
export function getFrom(
  baseurl: string,
  href: string,
  request: UpstreamRequest,
  http: HttpOptions,
): Promise<UpstreamReply> {
  const url = baseurl + encodeHref(href)
  return baseurl.startsWith('file:') ? getFile(url, baseurl, request) : getHttp(url, baseurl, request, http)
}
