/**
 * Sends the guarded writes, where a server takes any.
 */
const told = ({ result, mirror, current, generation, changed, view, ended }) => {
  if (result && result.outcome === 'published')
    return `${result.mirror} has a new snapshot, ${result.snapshot}.`
  if (result) return `${result.mirror} has nothing new.`
  if (view) return ended ? `The view ${view} has ended.` : `There is no view ${view} any more.`
  if (changed === false) return `${mirror} is like that already.`
  return `Jobs get ${current} of ${mirror} from now on, generation ${generation}. Back: pinyon rollback --generation ${generation - 1}`
}

;(() => {
  const d = document
  const all = (selector, within = d) => [...within.querySelectorAll(selector)]
  const one = (selector, within = d) => within.querySelector(selector)

  // Writes: the token stays in this tab, and goes out in a header that no foreign page can set.
  const TOKEN = 'pinyon-token'
  const dialog = one('#write')
  const token = () => sessionStorage.getItem(TOKEN) || ''
  const showForget = () => all('[data-forget]').forEach((button) => (button.hidden = !token()))
  // Where a write is an edit of a file that may come from elsewhere.
  const same = one('[data-same]')
  let write
  const ask = (button) => {
    write = button
    const { title, say, action, asksWhy, typed, command } = button.dataset
    one('h2', dialog).textContent = title
    one('[data-text]', dialog).textContent = say
    one('[data-do]', dialog).textContent = action
    one('[data-error]', dialog).textContent = ''
    one('[data-why]', dialog).hidden = asksWhy === undefined
    one('[data-name]', dialog).hidden = typed === undefined
    one('[data-name] label', dialog).textContent = `Type ${typed} to go on`
    one('[data-token]', dialog).hidden = token() !== ''
    for (const input of all('input', dialog)) input.value = ''
    one('[data-do]', dialog).disabled = false
    if (same) {
      same.hidden = command === undefined
      same.open = false
      one('[data-patch]', same).hidden = true
      showCommand()
    }
    dialog.showModal()
  }
  // As a shell takes it, whatever the reason says.
  const showCommand = () => {
    const { command = '', asksWhy } = write.dataset
    const why = one('#write-why').value.trim().replaceAll("'", `'\\''`)
    one('[data-command]', same).textContent = asksWhy === undefined ? command : `${command} '${why || '…'}'`
  }
  const fail = (text) => void (one('[data-error]', dialog).textContent = text)
  // oxlint-disable-next-line consistent-return -- what a refusal gives is nothing
  const send = async (isShown) => {
    const { write: method, url, body, asksWhy, typed, ifMatch } = write.dataset
    const why = one('#write-why').value.trim()
    if (!isShown && typed !== undefined && one('#write-name').value !== typed)
      return fail(`That is not ${typed}.`)
    if (asksWhy !== undefined && why === '') return fail('Say why: it becomes the comment on the line.')
    const used = token() || one('#write-token').value.trim()
    if (used === '') return fail('A token is needed: one of tokens: in the configuration.')
    const button = one(isShown ? '[data-show]' : '[data-do]', dialog)
    button.disabled = true
    let isReadOnly = false
    try {
      const content = body && { ...JSON.parse(body), ...(asksWhy !== undefined && { why }) }
      const answer = await fetch(url, {
        method,
        headers: { Authorization: `Bearer ${used}`, ...(ifMatch && { 'If-Match': ifMatch }) },
        ...(content && { body: JSON.stringify({ ...content, ...(isShown && { dry_run: true }) }) }),
      })
      const lines = (await answer.text()).trim().split('\n')
      const last = JSON.parse(lines.at(-1) || '{}')
      if (answer.status === 401) sessionStorage.removeItem(TOKEN)
      if (!answer.ok) {
        one('[data-token]', dialog).hidden = token() !== ''
        // What others have done meanwhile shows behind the dialog.
        if (answer.status === 412) tell()
        isReadOnly = last.title === 'CONFIG_READONLY'
        if (isReadOnly) same.open = true
        return fail(last.detail || `The server answered ${answer.status}.`)
      }
      sessionStorage.setItem(TOKEN, used)
      showForget()
      if (last.result && last.result.error) return fail(last.result.error)
      if (isShown) {
        one('[data-patch]', same).hidden = false
        one('pre', same).textContent = last.patch || 'The file is like that already.'
        return fail('')
      }
      dialog.close()
      tell(told(last))
    } catch {
      fail('The server did not answer.')
    } finally {
      button.disabled = isReadOnly
    }
  }
  const tell = (detail) => d.dispatchEvent(new CustomEvent('pinyon:changed', { detail }))

  d.addEventListener('click', ({ target }) => {
    const on = (selector) => target.closest(selector)
    if (on('[data-write]')) ask(on('[data-write]'))
    else if (on('[data-cancel]')) dialog.close()
    else if (on('[data-show]')) void send(true)
    else if (on('[data-forget]')) {
      sessionStorage.removeItem(TOKEN)
      showForget()
    }
  })
  one('form', dialog).addEventListener('submit', (event) => {
    event.preventDefault()
    void send(false)
  })
  if (same) one('#write-why').addEventListener('input', showCommand)
  showForget()
})()
