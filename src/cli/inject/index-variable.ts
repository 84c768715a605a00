/** The variable that CI systems name an index in. */
export const INDEX_VARIABLE = 'CI_MIRRORS_URL'
