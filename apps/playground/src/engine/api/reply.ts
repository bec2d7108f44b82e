/** What can go wrong, as plain data. */
export interface Failure {
  /** One of the packages' error codes, or `unexpected`. */
  readonly code: string;
  readonly message: string;
  /** What may stand behind the name of a repository, where that has several files. */
  readonly choices?: readonly string[];
}

/** What every call gives. Errors lose their codes on the way between threads, so that failures are values. */
export type Reply<T> = { readonly value: T } | { readonly failure: Failure };
