/** A file to be written, piece by piece, so that large ones are never whole in memory. */
export interface OutputFile {
  /** A plain name, without folders. */
  readonly name: string;
  /** The contents. Iterated once. */
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A file of text, in UTF-8. */
export function textFile(name: string, content: string): OutputFile {
  return { name, chunks: [new TextEncoder().encode(content)] };
}

/** Whether a name stands for a file in the folder itself on every system, and not for one elsewhere. */
export function isPlainName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && !/[/\\:\0]/.test(name);
}
