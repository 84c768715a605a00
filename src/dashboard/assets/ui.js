/**
 * Keeps a page fresh, and copies. Every page is complete without it.
 */
;(() => {
  const d = document
  const root = d.documentElement
  const prefix = d.body.dataset.prefix
  const all = (selector, within = d) => [...within.querySelectorAll(selector)]
  const one = (selector, within = d) => within.querySelector(selector)
  root.classList.add('js')

  // How long ago: relative times are made here, so that the page stays true, and the same, for longer.
  const UNITS = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
  ]
  const age = (at) => {
    const seconds = Math.max(0, (Date.now() - at) / 1000)
    const [size, unit] = UNITS.find(([size]) => seconds >= size) || [0, '']
    return unit ? `${Math.floor(seconds / size)} ${unit} ago` : 'just now'
  }
  const showAges = () => {
    for (const time of all('time')) {
      const at = Date.parse(time.dateTime)
      time.title = new Date(at).toString().slice(0, 33)
      if (time.className === 'ago') {
        const words = age(at)
        if (time.textContent !== words) time.textContent = words
      }
    }
  }

  // Polling: the page asks for itself, and takes over what is marked and differs.
  const seen = new Map()
  const remember = (page) => {
    for (const part of all('[data-live]', page)) seen.set(part.id, part.outerHTML)
  }
  const POLL = 15000
  let etag = ''
  let wait = POLL
  let timer = 0
  let failures = 0
  let takenAt = Date.now()
  let paused = d.body.hasAttribute('data-fixed')
  let title = d.title
  const strip = one('#strip')

  const idsOf = (page) =>
    all('[data-live]', page)
      .map(({ id }) => id)
      .join()
  const takeOver = (text) => {
    const page = new DOMParser().parseFromString(text, 'text/html')
    const focused = d.activeElement
    // Of another make: the first mirror is there, or the first snapshot.
    if (idsOf(page) !== idsOf(d) && !one('dialog[open]') && !/INPUT|SELECT/.test(focused.tagName))
      return location.reload()
    for (const part of all('[data-live]', page)) {
      const old = d.getElementById(part.id)
      if (!old || seen.get(part.id) === part.outerHTML) continue
      const typing = old.contains(focused) && /INPUT|SELECT/.test(focused.tagName)
      const selected = !getSelection().isCollapsed && old.contains(getSelection().anchorNode)
      if (typing || selected || one(':user-invalid', old)) continue
      seen.set(part.id, part.outerHTML)
      const chosen = all('input:checked', old).map((input) => [input.name, input.value])
      // Others come above: what has a name is known by it.
      const open = new Map(all('details', old).map((box, at) => [box.id || at, box.open]))
      const key = old.contains(focused) && (focused.getAttribute('href') || focused.dataset.url)
      old.replaceWith(d.adoptNode(part))
      for (const input of all('input', part))
        if (chosen.some(([name, value]) => name === input.name && value === input.value)) input.checked = true
      all('details', part).forEach((box, at) => (box.open = open.get(box.id || at) ?? box.open))
      if (key) {
        const again = all('a,button', part).find(
          (item) => (item.getAttribute('href') || item.dataset.url) === key,
        )
        again?.focus()
      }
    }
    const icon = one('link[rel=icon]', page)
    if (icon && one('link[rel=icon]').href !== icon.href) one('link[rel=icon]').href = icon.href
    title = page.title
    showAges()
  }

  // What was done is told for ten minutes.
  const TOLD = 600000
  let message = ''
  let toldAt = 0
  const showStrip = () => {
    const old = failures > 1
    if (Date.now() - toldAt > TOLD) message = ''
    root.classList.toggle('old', old)
    const stopped = paused && !d.body.hasAttribute('data-fixed')
    strip.hidden = !old && !stopped && !message
    const at = new Date(takenAt).toISOString().slice(11, 16)
    if (old)
      strip.textContent = `This page is from ${at} (${age(takenAt)}). The server does not answer; it is asked again.`
    else if (message) strip.textContent = message
    else if (stopped) strip.textContent = 'Updates are paused. Press . to go on.'
    const shown = old ? `old: ${title}` : title
    if (d.title !== shown) d.title = shown
  }

  const poll = async () => {
    clearTimeout(timer)
    if (d.hidden || paused) return
    try {
      const headers = etag ? { 'If-None-Match': etag } : {}
      const answer = await fetch(location.href, {
        headers,
        cache: 'no-store',
        signal: AbortSignal.timeout(20000),
      })
      if (answer.status !== 304 && !answer.ok) throw new Error(answer.status)
      wait = Number(answer.headers.get('X-Pinyon-Poll') || 0) * 1000 || POLL
      etag = answer.headers.get('ETag') || ''
      // Read in any case: one that is not holds what it came with.
      const text = await answer.text()
      if (answer.status === 200) takeOver(text)
      failures = 0
      takenAt = Date.now()
    } catch {
      failures += 1
      wait = Math.min(60000, POLL * 2 ** (failures - 1))
    }
    showStrip()
    plan()
  }
  const plan = () => {
    clearTimeout(timer)
    timer = setTimeout(poll, wait * (0.8 + 0.4 * Math.random()))
  }

  // Copying: most servers speak plain http, where the clipboard's interface is not there.
  const copy = async (text, node) => {
    if (navigator.clipboard && isSecureContext) {
      await navigator.clipboard.writeText(text)
      return true
    }
    const area = d.createElement('textarea')
    area.value = text
    area.className = 'sr'
    node.after(area)
    area.select()
    const done = d.execCommand('copy')
    area.remove()
    return done
  }
  const copyFrom = async (button) => {
    const done = await copy(button.previousElementSibling.textContent, button).catch(() => false)
    if (!done) getSelection().selectAllChildren(button.previousElementSibling)
    button.textContent = done ? 'Copied' : 'Selected'
    setTimeout(() => (button.textContent = 'Copy'), 1600)
  }

  // The theme is the one cookie: the server writes it into the page, so that nothing flashes.
  const switchTheme = () => {
    const isDark = root.dataset.theme
      ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme:dark)').matches
    root.dataset.theme = isDark ? 'light' : 'dark'
    d.cookie = `theme=${root.dataset.theme};path=${prefix || '/'};max-age=31536000;samesite=strict`
  }

  // Keys.
  const keys = one('#keys')
  const NO_KEYS = 'pinyon-no-keys'
  // Of rows that are folded those within.
  const rows = () => all('main tbody tr').filter((row) => one(':scope>.nm a', row)?.checkVisibility())
  const currentRow = () => rows().find((row) => row.contains(d.activeElement))
  const step = (by) => {
    const list = rows()
    const row = list[list.indexOf(currentRow()) + by] || (by > 0 ? list[0] : undefined)
    if (row) one('.nm a', row).focus()
  }
  let pending = false
  const press = (event) => {
    const { key, target } = event
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|SELECT/.test(target.tagName)) return
    if (one('dialog[open]') || localStorage.getItem(NO_KEYS)) return
    if (pending) {
      pending = false
      const link = one(`.nav [data-key="${CSS.escape(key)}"]`)
      if (link) link.click()
      return
    }
    if (key === 'g') {
      pending = true
      setTimeout(() => (pending = false), 1500)
    } else if (key === '/') {
      event.preventDefault()
      one('#q').focus()
    } else if (key === 'j' || key === 'k') step(key === 'j' ? 1 : -1)
    else if (key === 'c' && currentRow()) void copy(one('.nm a', currentRow()).href, d.activeElement)
    else if (key === '.') {
      paused = !paused
      showStrip()
      if (!paused) void poll()
    } else if (key === 't') switchTheme()
    else if (key === '?') keys.showModal()
  }

  d.addEventListener('keydown', press)
  d.addEventListener('click', ({ target }) => {
    const on = (selector) => target.closest(selector)
    if (on('.copy') && !on('form[action] .copy')) void copyFrom(on('.copy'))
    else if (on('[data-theme-btn]')) switchTheme()
    else if (on('[data-keys]')) keys.showModal()
  })
  // Somebody has changed something here, or somebody else has meanwhile: see write.js.
  d.addEventListener('pinyon:changed', ({ detail }) => {
    if (detail) {
      message = detail
      toldAt = Date.now()
      showStrip()
    }
    etag = ''
    void poll()
  })
  const off = one('[data-keys-off]')
  off.checked = Boolean(localStorage.getItem(NO_KEYS))
  off.addEventListener('change', () =>
    off.checked ? localStorage.setItem(NO_KEYS, '1') : localStorage.removeItem(NO_KEYS),
  )
  d.addEventListener('visibilitychange', () => void (d.hidden || poll()))
  setInterval(showAges, 30000)
  remember(d)
  showAges()
  if (!paused) plan()
})()
