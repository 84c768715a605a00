/**
 * What keeps a page fresh, copies, and sends the guarded writes. Every page is complete without it.
 */
;(() => {
  'use strict'
})()
