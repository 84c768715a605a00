import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { maskUrl, parseBaseurl, parseProxy, parsePublicUrl } from '../../src/config/urls.ts'

const BASE = new URL('file:///etc/pinyon/pinyon.yaml')
const HTTP_OR_FILE = 'an http, https or file URL'
const PROXY = 'a proxy such as http://proxy.example.org:3128 or socks5h://proxy.example.org:1080, or _none_'
const PUBLIC = 'an http or https URL such as https://mirrors.example.org'

describe('parseBaseurl', () => {
  const read: [string, string][] = [
    ['http://h.example.org', 'http://h.example.org/'],
    ['https://h/centos/7/os/x86_64/', 'https://h/centos/7/os/x86_64/'],
    ['https://h/centos/7/os/x86_64', 'https://h/centos/7/os/x86_64/'],
    ['HTTP://H:8080/A', 'http://h:8080/A/'],
    ['http://u:p%40@h/a%20b+c~', 'http://u:p%40@h/a%20b+c~/'],
    ['http://[::1]:80/r', 'http://[::1]/r/'],
    ['file:///srv/repo', 'file:///srv/repo/'],
    ['file:/srv/repo/', 'file:///srv/repo/'],
    ['file:sample/', 'file:///etc/pinyon/sample/'],
    ['file:sample', 'file:///etc/pinyon/sample/'],
    ['file:../x', 'file:///etc/x/'],
    ['file://localhost/srv', 'file:///srv/'],
  ]
  for (const [text, href] of read) {
    test(`${text} is ${href}`, () => assert.deepEqual(parseBaseurl(text, BASE), { value: href }))
  }

  const refused: [string, string][] = [
    ['', HTTP_OR_FILE],
    ['sample/', HTTP_OR_FILE],
    ['/srv/repo', HTTP_OR_FILE],
    ['ftp://h/', HTTP_OR_FILE],
    ['file:', HTTP_OR_FILE],
    ['http:', HTTP_OR_FILE],
    ['http://', HTTP_OR_FILE],
    ['http:h/', HTTP_OR_FILE],
    ['http:///h/', HTTP_OR_FILE],
    ['http:\\\\h\\', HTTP_OR_FILE],
    ['http://h:99999/', HTTP_OR_FILE],
    ['http://h/a b', HTTP_OR_FILE],
    [' http://h/', HTTP_OR_FILE],
    ['http://h/\n', HTTP_OR_FILE],
    ['file:a\tb', HTTP_OR_FILE],
    ['http://h/?', `${HTTP_OR_FILE} without query and fragment`],
    ['http://h/a?b=c', `${HTTP_OR_FILE} without query and fragment`],
    ['http://h/#', `${HTTP_OR_FILE} without query and fragment`],
    ['file:sample/?x', `${HTTP_OR_FILE} without query and fragment`],
    ['file://sample/', 'a file URL without host: file:///path/ or file:path/'],
    ['file:///a%2Fb/', 'a file URL without host: file:///path/ or file:path/'],
    [
      'http://h/$releasever/os/$basearch/',
      `${HTTP_OR_FILE} of which vars has all variables, such as releasever and basearch`,
    ],
    [
      'http://h/${basearch}/',
      `${HTTP_OR_FILE} of which vars has all variables, such as releasever and basearch`,
    ],
  ]
  for (const [text, expected] of refused) {
    test(`${JSON.stringify(text)} is refused`, () => assert.deepEqual(parseBaseurl(text, BASE), { expected }))
  }
})

describe('parseProxy', () => {
  const read: [string, string | null][] = [
    ['', null],
    ['_none_', null],
    ['None', null],
    ['http://proxy:3128', 'http://proxy:3128/'],
    ['https://user:pass@proxy.example.org/', 'https://user:pass@proxy.example.org/'],
    ['socks5://proxy:1080', 'socks5://proxy:1080'],
    ['SOCKS5H://user:pass@proxy/', 'socks5h://user:pass@proxy/'],
  ]
  for (const [text, value] of read) {
    test(`${JSON.stringify(text)} is ${value}`, () => assert.deepEqual(parseProxy(text), { value }))
  }
  const refused: [string, string][] = [
    ['proxy:3128', PROXY],
    ['socks4://proxy:1080', PROXY],
    ['socks5h://proxy:1080/path', `${PROXY}, without a path`],
    ['no', PROXY],
    ['http://proxy:3128/path', `${PROXY}, without a path`],
    ['http://proxy:3128/?a', `${PROXY}, without a path`],
  ]
  for (const [text, expected] of refused) {
    test(`${text} is refused`, () => assert.deepEqual(parseProxy(text), { expected }))
  }
})

describe('parsePublicUrl', () => {
  const read: [string, string][] = [
    ['http://mirrors.example.org', 'http://mirrors.example.org'],
    ['http://mirrors.example.org/', 'http://mirrors.example.org'],
    ['https://h:8443/pinyon//', 'https://h:8443/pinyon'],
  ]
  for (const [text, value] of read) {
    test(`${text} is ${value}`, () => assert.deepEqual(parsePublicUrl(text), { value }))
  }
  const refused: [string, string][] = [
    ['mirrors.example.org', PUBLIC],
    ['file:///srv', PUBLIC],
    ['https://h/?a', `${PUBLIC}, without query and fragment`],
    ['https://h/#', `${PUBLIC}, without query and fragment`],
    ['https://user@h/', `${PUBLIC}, without credentials`],
  ]
  for (const [text, expected] of refused) {
    test(`${text} is refused`, () => assert.deepEqual(parsePublicUrl(text), { expected }))
  }
})

describe('maskUrl', () => {
  const cases: [string, string][] = [
    ['http://h/a@b', 'http://h/a@b'],
    ['http://u:p@h/a', 'http://***@h/a'],
    ['http://:p@h/', 'http://***@h/'],
    ['http://token@h/', 'http://***@h/'],
    ['_none_', '_none_'],
  ]
  for (const [text, masked] of cases)
    test(`${text} is printed ${masked}`, () => assert.equal(maskUrl(text), masked))
})
