/** What is looked at, by the design's words. */
export const PROMISES = [
  'a snapshot never changes and never mixes',
  'what a snapshot lists can be had',
  'no wrong bytes',
  'one fill',
  'upstream’s trouble stays upstream’s',
  'a failed sync changes nothing, a crash loses nothing',
  'the index changes as a whole',
  'an answer comes before a client gives up',
  'the server lives, and answers who looks after it',
] as const

export type Promised = (typeof PROMISES)[number]
