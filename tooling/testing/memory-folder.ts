/** As the interfaces of @gpt/formats, which this package knows by their structure alone. */
interface MemoryFile {
  readonly name: string;
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface MemoryFolder {
  readonly name: string;
  open(name: string): Promise<MemoryFile | undefined>;
}

interface File {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A folder in memory. Texts are encoded as UTF-8. */
export function memoryFolder(files: Readonly<Record<string, Uint8Array | string>>, name = "memory"): MemoryFolder {
  return {
    name,
    open(fileName) {
      if (!Object.hasOwn(files, fileName)) return Promise.resolve(undefined);
      const content = files[fileName];
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      return Promise.resolve({
        name: `${name}/${fileName}`,
        size: bytes.length,
        read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
        close: () => Promise.resolve(),
      });
    },
  };
}

/** The contents of files that are to be written. */
export async function collect(files: Iterable<File>): Promise<Record<string, Uint8Array>> {
  const contents: Record<string, Uint8Array> = {};
  for (const { name, chunks } of files) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    contents[name] = joined(parts);
  }
  return contents;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
