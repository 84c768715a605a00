import { encodeHref } from './encode-href.ts'
import { getFile } from './file-source.ts'
import { getHttp, type HttpOptions } from './http-source.ts'
import type { SourceReply, SourceRequest } from './source-request.ts'

/** One attempt at one file of one base URL, by the URL's scheme. */
export function getFrom(
  baseurl: string,
  href: string,
  request: SourceRequest,
  http: HttpOptions,
): Promise<SourceReply> {
  const url = baseurl + encodeHref(href)
  return baseurl.startsWith('file:') ? getFile(url, request) : getHttp(url, request, http)
}
