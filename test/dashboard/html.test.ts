import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { assert as assertProperty, property, string } from 'fast-check'

import { html } from '../../src/dashboard/html.ts'
import { escapeHidden, escapeHtml } from '../../src/model/shown-text.ts'
import { bytes, clip, count, percent, shownUrl, span } from '../../src/dashboard/text.ts'

describe('markup', () => {
  test('is what the template says, and nothing that is put into it', () => {
    const name = `<img src=x onerror="alert('1')">&`
    assert.equal(
      html`<a title="${name}">${name}</a>`.text,
      '<a title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">' +
        '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</a>',
    )
    assert.equal(
      html`<b>${[html`<i>${'<'}</i>`, undefined, false, 0, ['>']]}</b>`.text,
      '<b><i>&lt;</i>0&gt;</b>',
    )
  })

  test('never comes from text, whatever that is', () => {
    assertProperty(
      property(string({ unit: 'binary', maxLength: 60 }), (text) => {
        const escaped = escapeHtml(text)
        assert.doesNotMatch(escaped, /[<>"']/)
        assert.doesNotMatch(escaped, /&(?!(?:amp|lt|gt|quot|#39);)/)
        assert.doesNotMatch(escaped, /[\u202a-\u202e\u2066-\u2069\u200b-\u200f]/)
      }),
    )
  })

  test('shows what would not be seen as its code', () => {
    assert.equal(escapeHtml('a\u202eb\u0000c\u200bd\ne'), 'a\\u202eb\\u0000c\\u200bd\ne')
    assert.equal(escapeHtml('\u{e0041}é😀\t'), '\\udb40\\udc41é😀\t')
    const name = '\u2066<"\\\u009b'
    assert.equal(JSON.parse(escapeHidden(JSON.stringify(name))), name)
    assert.equal(escapeHidden(name), '\\u2066<"\\\\u009b')
  })

  test('has not what lays it out for its authors', () => {
    const made = html`<table>
      <tr class="${'a'}">
        <td>${'b'} ${'c'}</td>
        <td><b>d</b> <i>e</i></td>
      </tr>
    </table>`
    assert.equal(made.text, '<table><tr class="a"><td>b c</td><td><b>d</b> <i>e</i></td></tr></table>')
  })
})

describe('figures in words', () => {
  test('are short', () => {
    assert.deepEqual(
      [count(0), count(999), count(21_874), count(undefined)],
      ['0', '999', '21\u202f874', '–'],
    )
    assert.deepEqual(
      [bytes(0), bytes(1_536), bytes(200 * 2 ** 30), bytes(null)],
      ['0 B', '1.5 KiB', '200 GiB', '–'],
    )
    assert.deepEqual(
      [span(84), span(4_100), span(7_800_000), span(90_000_000), span(3_500_000_000)],
      ['84 ms', '4 s', '2 h 10 min', '1 day 1 h', '40 days'],
    )
    assert.deepEqual([percent(0, 9), percent(1, 9_999), percent(9, 9), percent(1, 0)], [0, 1, 100, 0])
  })

  test('what is long is cut', () => {
    assert.equal(clip('a'.repeat(121)).length, 120)
    assert.equal(clip('a'.repeat(120)), 'a'.repeat(120))
  })

  test('a URL is shown without what is secret in it', () => {
    assert.equal(shownUrl('https://u:p@example.org:8443/a/?token=t#f'), 'example.org:8443/a/')
    assert.equal(shownUrl('file:///srv/a/'), 'file:///srv/a/')
    assert.equal(shownUrl('http://u:p@example.org/{name}?q'), 'example.org/{name}')
  })
})
