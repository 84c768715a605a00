/** For a `get` of lru-cache on the way of a hit: where it is given none it makes an object for each look. It writes to this one, the same each time. */
export const NO_OPTIONS = {}
