/** The most bytes of a file that are read. */
const largest = 2 ** 26;

/** Files as one text, and a name for it. */
export async function readTexts(files: readonly File[]): Promise<[name: string, text: string]> {
  const texts = await Promise.all(files.map((file) => file.slice(0, largest).text()));
  return [files.map(({ name }) => name).join(", "), texts.join("\n\n")];
}
