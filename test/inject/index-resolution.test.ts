import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { resolveIndex, type LoadIndex } from '../../src/inject/index-resolution.ts'

const DIRECTORY = 'file:///srv/job/'

/** Documents by URL, and what was asked for. */
function documents(texts: Readonly<Record<string, unknown>>): { load: LoadIndex; asked: string[] } {
  const asked: string[] = []
  const load: LoadIndex = async (url, read) => {
    asked.push(url)
    const content = texts[url]
    if (content === undefined) throw new Error(`asked for ${url}`)
    return read(Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)))
  }
  return { load, asked }
}

async function resolve(reference: string, texts: Readonly<Record<string, unknown>> = {}) {
  const { mirrors, before } = await resolveIndex(reference, DIRECTORY, documents(texts).load)
  return { mirrors: Object.fromEntries(mirrors), before: Object.fromEntries(before) }
}

const wrap = (map: object) => ({ latest_ci_repos: map })

describe('an index is read', () => {
  test('from an http URL, a path, a file URL and a data URL', async () => {
    const a = { mirrors: { a: 'http://h/a' }, before: {} }
    assert.deepEqual(
      await resolve('http://i/all_latest.json?x=1', {
        'http://i/all_latest.json?x=1': wrap({ a: 'http://h/a' }),
      }),
      a,
    )
    assert.deepEqual(await resolve('http://i/view', { 'http://i/view': wrap({ a: 'http://h/a' }) }), a)
    assert.deepEqual(
      await resolve('http://i/all.yaml', { 'http://i/all.yaml': 'latest_ci_repos:\n  a: http://h/a' }),
      a,
    )
    assert.deepEqual(
      await resolve('mirrors 1#.yaml', { 'file:///srv/job/mirrors 1%23.yaml': 'a: http://h/a' }),
      a,
    )
    assert.deepEqual(await resolve('/etc/m.json', { 'file:///etc/m.json': wrap({ a: 'http://h/a' }) }), a)
    assert.deepEqual(
      await resolve('file:///etc/m.py', { 'file:///etc/m.py': "latest_ci_repos = {'a': 'http://h/a'}" }),
      a,
    )
    assert.deepEqual(await resolve('data:application/json,{"a":"http://h/a"}'), a)
    assert.deepEqual(await resolve('data:application/json;base64,eyJhIjoiaHR0cDovL2gvYSJ9'), a)
  })

  test('with values relative to its own URL', async () => {
    const gated = { 'http://g:81/all_latest.json': wrap({ 'x-el8': '/x/4.4/el8/' }) }
    assert.deepEqual((await resolve('http://g:81/all_latest.json', gated)).mirrors, {
      'x-el8': 'http://g:81/x/4.4/el8/',
    })
    assert.deepEqual((await resolve('m.yaml', { 'file:///srv/job/m.yaml': 'a: repo/' })).mirrors, {
      a: 'file:///srv/job/repo/',
    })
  })
})

describe('statement 41: directives', () => {
  test('include: adds what is not there yet; insertions of both stay, its own first', async () => {
    const result = await resolve('m.yaml', {
      'file:///srv/job/m.yaml': {
        a: 'http://h/own',
        'before:a': [['x', 'http://h/x']],
        'include:': ['http://i/all.json', 'more.yaml'],
      },
      'http://i/all.json': wrap({
        a: 'http://h/other',
        b: 'http://h/b',
        'before:a': [['y', 'http://h/y']],
        'before:c': [['z', 'http://h/z']],
      }),
      'file:///srv/job/more.yaml': {
        b: 'http://h/late',
        c: 'http://h/c',
        'before:a': [['x', 'http://h/x2']],
      },
    })
    assert.deepEqual(result, {
      mirrors: { a: 'http://h/own', b: 'http://h/b', c: 'http://h/c' },
      before: {
        a: [
          { id: 'x', url: 'http://h/x2' },
          { id: 'y', url: 'http://h/y' },
        ],
        c: [{ id: 'z', url: 'http://h/z' }],
      },
    })
  })

  test('include:before: makes insertions of mirrors, by the text after the last hyphen, in the order of their names', async () => {
    const result = await resolve('m.yaml', {
      'file:///srv/job/m.yaml': {
        'include:before:': [['ovirt-master', 'http://g/all.json']],
        'before:ovirt-master-el8': [['own', 'http://h/own']],
      },
      'http://g/all.json': wrap({
        'z-el8': '/z',
        'a-b-el8': '/a',
        'c-fc29': '/c',
        plain: '/p',
        'before:k': [['l', '/l']],
        'before:ovirt-master-el8': [['m', '/m']],
      }),
    })
    assert.deepEqual(result.mirrors, {})
    assert.deepEqual(result.before, {
      'ovirt-master-el8': [
        { id: 'own', url: 'http://h/own' },
        { id: 'm', url: 'http://g/m' },
        { id: 'a-b-el8', url: 'http://g/a' },
        { id: 'z-el8', url: 'http://g/z' },
      ],
      'ovirt-master-fc29': [{ id: 'c-fc29', url: 'http://g/c' }],
      'ovirt-master-plain': [{ id: 'plain', url: 'http://g/p' }],
      k: [{ id: 'l', url: 'http://g/l' }],
    })
  })

  test('count within included documents too, data URLs among them', async () => {
    const result = await resolve('data:application/json,{"include:": ["http://i/1.json"]}', {
      'http://i/1.json': wrap({ 'include:': ['2.json', 'data:application/json,{"d":"http://h/d"}'] }),
      'http://i/2.json': wrap({ a: '/a', 'include:before:': [['p', '3.json']] }),
      'http://i/3.json': wrap({ 'b-el9': '/b' }),
    })
    assert.deepEqual(result, {
      mirrors: { a: 'http://i/a', d: 'http://h/d' },
      before: { 'p-el9': [{ id: 'b-el9', url: 'http://i/b' }] },
    })
  })

  test('a document that is included twice is asked for once, so that it cannot be two states', async () => {
    const { load, asked } = documents({
      'http://i/0.json': wrap({ 'include:': ['1.json', '2.json'], 'include:before:': [['p', '3.json']] }),
      'http://i/1.json': wrap({ 'include:': ['3.json'] }),
      'http://i/2.json': wrap({ 'include:': ['3.json'] }),
      'http://i/3.json': wrap({ 'a-x': '/a' }),
    })
    const { mirrors } = await resolveIndex('http://i/0.json', DIRECTORY, load)
    assert.deepEqual([...mirrors], [['a-x', 'http://i/a']])
    assert.equal(asked.filter((url) => url.endsWith('3.json')).length, 1)
  })
})

const include = (...urls: string[]) => wrap({ 'include:': urls })

describe('an index is refused', () => {
  test('when a document includes itself, by whatever way', async () => {
    await assert.rejects(resolve('http://i/1.json', { 'http://i/1.json': include('1.json') }), {
      code: 'INDEX_INVALID',
      message:
        /^http:\/\/i\/1\.json includes itself: http:\/\/i\/1\.json \(included by http:\/\/i\/1\.json\)$/,
    })
    const circle = {
      'http://i/1.json': include('2.json'),
      'http://i/2.json': wrap({ 'include:before:': [['p', '1.json']] }),
    }
    await assert.rejects(
      resolve('http://i/1.json', circle),
      /includes itself: http:\/\/i\/1\.json > http:\/\/i\/2\.json/,
    )
  })

  test('when an included one fails, naming both', async () => {
    const broken = { 'http://i/1.json': include('2.json'), 'http://i/2.json': wrap({ a: '' }) }
    await assert.rejects(resolve('http://i/1.json', broken), {
      code: 'INDEX_INVALID',
      message: 'a: expected a URL, found: "" (included by http://i/1.json)',
    })
    await assert.rejects(resolve('http://i/1.json', { 'http://i/1.json': include('gone.json') }), /asked for/)
  })

  test('when includes go too deep, are too many, or add up to too much', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [`http://i/${n}`, include(`${n + 1}`)]),
    )
    await assert.rejects(
      resolve('http://i/0', chain),
      /^PinyonError: http:\/\/i\/8 is included too deep, after: 8/,
    )
    const wide = {
      'http://i/0': include(...Array.from({ length: 60 }, (_, n) => `d${n}`)),
      ...Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`http://i/d${n}`, wrap({})])),
    }
    await assert.rejects(resolve('http://i/0', wide), /more documents than: 50/)
    const names = Array.from({ length: 9_000 }, (_, n) => [`m${n}-el9`, '/m'])
    const large = {
      'http://i/0': include(...Array.from({ length: 40 }, (_, n) => `d${n}`)),
      ...Object.fromEntries(
        Array.from({ length: 40 }, (_, n) => [`http://i/d${n}`, wrap(Object.fromEntries(names))]),
      ),
    }
    await assert.rejects(resolve('http://i/0', large), /more entries than: 200000/)
  })

  test('when a document from the network includes a file of this machine', async () => {
    for (const outer of [
      'file:///etc/shadow',
      'FILE:///etc/shadow',
      'data:application/json,{"include:": ["file:///x"]}',
      'data:application/json,{"include:": ["x"]}',
    ])
      await assert.rejects(
        resolve('http://i/1.json', { 'http://i/1.json': include(outer) }),
        /must not include a file/,
      )
  })

  test('when it is nowhere that an index can be', async () => {
    for (const reference of ['ftp://h/i.json', 'x:y', 'data:text/plain,a', 'http://i/1.json'])
      await assert.rejects(resolve(reference, { 'http://i/1.json': include('ssh://h/') }), {
        code: 'INDEX_INVALID',
        message: /expected/,
      })
  })
})
