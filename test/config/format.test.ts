import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { formatConfig } from '../../src/config/format.ts'
import { ConfigFile } from './support.ts'

describe('formatConfig', () => {
  test('prints every effective value, secrets masked', (t) => {
    const text = `
listen: 8080
data_dir: /srv/pinyon
sync_interval: 90m
mirrors:
  epel:
    baseurl: http://user:secret@h/epel
    proxy: https://ci:\${PASSWORD}@proxy.example.org
    fallback: ['http://user:secret@v/7', 'http://user:secret@k/{name}/{href}']
    policy: immediate
    sync_interval: off
    # a bad push
    pin: 2016-12-13-13-30
  007: {baseurl: [http://a, http://token@b], timeout: 90, enabled: false}
`
    assert.equal(
      formatConfig(new ConfigFile(t).load(text, { PASSWORD: 'secret' })),
      `listen: 127.0.0.1:8080
data_dir: /srv/pinyon
workers: auto
sync_interval: 1h30m
policy: warm
warm_window: 30d
prefetch:
  parallel: 4
  throttle: 20MiB
retention:
  keep: 100
  max_age: 14d
  keep_used: 3d
  grace: 0
  removed: 14d
cache:
  max_size: 200GiB
  memory: 256MiB
dashboard:
  clients: network
mirrors:
  epel:
    baseurl: http://***@h/epel/
    fallback:
      - http://***@v/7/
      - http://***@k/{name}/{href}
    policy: immediate
    warm_window: 30d
    enabled: true
    sync_interval: off
    timeout: 30s
    retries: 10
    minrate: 1000
    throttle: 0
    proxy: https://***@proxy.example.org/
    sslverify: true
    strict: false
    allow_older: false
    repo_gpgcheck: false
    pin: 2016-12-13-13-30 # a bad push
  '007':
    baseurl:
      - http://a/
      - http://***@b/
    policy: warm
    warm_window: 30d
    enabled: false
    sync_interval: 1h30m
    timeout: 1m30s
    retries: 10
    minrate: 1000
    throttle: 0
    proxy: _none_
    sslverify: true
    strict: false
    allow_older: false
    repo_gpgcheck: false
`,
    )
  })

  test('what is printed loads again as the same', (t) => {
    const config = new ConfigFile(t)
    const texts = [
      '',
      "data_dir: 'a: $${B} # {c}'\nlisten: ':0'\npublic_url: http://h/$a\n",
      "listen: '[::1]:80'\nsync_interval: off\nretention: {max_age: 36h}\ncache: {max_size: 5000000}\nmirrors: {'7': {baseurl: ['file:a b', 'http://h/$${x}']}}"
        .replaceAll('a b', 'a%20b')
        .replaceAll('$${x}', '~+'),
      'prefetch: {throttle: 0}\nmirrors: {a: {baseurl: http://h/, fallback: ["http://k/{name}", "file:v/{href}"], policy: on_demand}}\n',
      'mirrors: {a: &a {baseurl: http://h/, proxy: http://p:1, strict: true, retries: 0}, b: *a, "~": *a}\n',
    ]
    for (const text of texts) {
      const loaded = config.load(text)
      assert.deepEqual(config.load(formatConfig(loaded)), loaded)
    }
  })
})
