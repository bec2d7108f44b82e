/** What can go wrong, as plain data. */
export interface Failure {
  /** One of the packages' error codes, or `unexpected`. */
  readonly code: string;
  readonly message: string;
  /** Where a repository has several models: the suffixes of its name that select one, such as `:Q8_0`. */
  readonly choices?: readonly string[];
}

/** What every call gives. Errors lose their codes on the way between threads, so that failures are values. */
export type Reply<T> = { readonly value: T } | { readonly failure: Failure };
